import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { io, type Model } from "nabla";

export interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What weights and inputs are: from -0.5 to 0.5 around the offset. */
export const values = (shape: readonly number[], seed: number, offset = 0): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(7 * i + seed) / 2 + offset);

/** A model.json of one test file, in a folder which goes with it. */
export function kerasFile(): {
  root: string;
  file: string;
  load: (topology: unknown, weights?: readonly Named[], options?: io.LoadLayersModelOptions) => Promise<Model>;
} {
  const root = mkdtempSync(join(tmpdir(), "nabla-keras-"));
  afterAll(() => rmSync(root, { recursive: true }));
  const file = join(root, "model.json");
  return {
    root,
    file,
    /** Writes the model with weights of `values`, and loads it. */
    async load(modelTopology, weights = [], options = {}) {
      const data = weights.map(({ name, shape }, i) => values(shape, i, name.endsWith("moving_variance") ? 1 : 0));
      writeFileSync(join(root, "w.bin"), Buffer.concat(data.map((each) => Buffer.from(each.buffer))));
      const specs = weights.map((weight) => ({ ...weight, dtype: "float32" }));
      const weightsManifest = [{ paths: ["w.bin"], weights: specs }];
      writeFileSync(file, JSON.stringify({ format: "layers-model", modelTopology, weightsManifest }));
      return (await io.loadLayersModel(file, options)) as Model;
    },
  };
}

/** A layer or a model in a configuration. */
export const object = (class_name: string, config: object): object => ({ class_name, config });

export const sequential = (...layers: object[]): object => object("Sequential", { name: "s", layers });

export const dense = (config: object = {}): object =>
  object("Dense", { name: "d", units: 2, batch_input_shape: [null, 3], ...config });

/** The weights of {@link dense}. */
export const DENSE: readonly Named[] = [
  { name: "d/kernel", shape: [3, 2] },
  { name: "d/bias", shape: [2] },
];

/** A model that Keras 3 wrote, with weights and inputs of `values`. */
export interface KerasModel {
  readonly config: object;
  readonly weights: readonly Named[];
  readonly inputs: readonly number[][];
}
