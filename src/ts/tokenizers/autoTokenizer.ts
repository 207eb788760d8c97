import { readFile } from "node:fs/promises";
import { checkOptions } from "../checks.js";
import { FormatError } from "../errors.js";
import { PRETRAINED_OPTIONS, resolvePretrained, type PretrainedOptions } from "../hub/pretrained.js";
import { isObject, parseJson, show } from "../io/json.js";
import { parseConfig } from "./config.js";
import { parseTemplate } from "./template.js";
import { Tokenizer } from "./tokenizer.js";
import { wordPieceTokenizer } from "./wordPiece.js";

const OP = "AutoTokenizer.fromPretrained";
const CONFIG = "tokenizer_config.json";

/**
 * The tokenizer of a model: of its `tokenizer.json`, or of a `vocab.txt` of BERT's kind, with what `tokenizer_config.json` adds.
 *
 * @param nameOrFolder a folder, or a name such as `distilbert-base-uncased` or `owner/name`, whose files come from the cache of
 * Hugging Face's programs or are fetched from the hub. With `NABLA_OFFLINE=1` nothing is fetched.
 * @throws ArgumentError for what is neither, a missing file, a wrong option.
 * @throws FormatError for a file that is not what it should be; it names the place.
 * @throws NetworkError when the hub does not answer, or not as it should.
 */
export async function fromPretrained(nameOrFolder: string, options: PretrainedOptions = {}): Promise<Tokenizer> {
  checkOptions(OP, options, PRETRAINED_OPTIONS);
  const wanted = { required: [["tokenizer.json", "vocab.txt"]], optional: [CONFIG, "special_tokens_map.json"] };
  const files = await resolvePretrained(OP, nameOrFolder, wanted, options);
  // The older file has the names of special tokens only.
  const settings = {
    ...(await readObject(files.get("special_tokens_map.json"))),
    ...(await readObject(files.get(CONFIG))),
  };
  const config = parseConfig(OP, settings, files.get(CONFIG) ?? CONFIG);
  const vocabulary = files.get("vocab.txt");
  const file = files.get("tokenizer.json") ?? vocabulary!;
  const tokenizer =
    vocabulary === undefined
      ? await readObject(file)
      : wordPieceTokenizer(OP, await readFile(vocabulary), settings, vocabulary);
  const { makeBackend } = await import("./backend.js");
  return new Tokenizer({
    backend: makeBackend(OP, tokenizer, file),
    template: parseTemplate(OP, tokenizer["post_processor"], file),
    config,
    files: { tokenizer, config: settings },
  });
}

/** The object in a file; an empty one where there is no file. */
async function readObject(file: string | undefined): Promise<Record<string, unknown>> {
  if (file === undefined) return {};
  const value = parseJson(OP, await readFile(file), file);
  if (isObject(value)) return value;
  throw new FormatError(`${OP}: not a tokenizer: ${file} is ${show(value)}, expected an object`);
}
