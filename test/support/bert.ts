import { mkdirSync, writeFileSync } from "node:fs";
import { io } from "nabla";
import { checkpoint, transformersBert, type Kind } from "../fixtures/transformers_bert.js";
import { workFolder } from "./safetensors.js";

/** Makes the folders of the fixture's checkpoints, with a head or without. */
export function bertFolder(): (kind: Kind, withHead: boolean) => Promise<string> {
  const { at } = workFolder();
  return async (kind, withHead) => {
    const folder = at(`${kind}-${withHead}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/config.json`, JSON.stringify(transformersBert.configs[kind]));
    await io.saveSafetensors(`${folder}/model.safetensors`, checkpoint(kind, withHead));
    return folder;
  };
}
