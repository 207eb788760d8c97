import { currentStream, onStream } from "../device.js";
import type { DType } from "../dtype.js";
import { castFloats, matchTensors } from "../io/matchTensors.js";
import { loadSafetensors } from "../io/safetensors.js";
import { tidy } from "../memory.js";
import { withoutInitialization } from "../layers/initialization.js";
import type { Model } from "../models/model.js";
import { assign } from "../ops/assign.js";
import type { Shape } from "../shape.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";

/** A weight of a model as a file has it. */
export interface FileWeight {
  readonly dtype: DType;
  readonly shape: Shape;
  /** Gives the weight the file's values. */
  fill(values: Tensor): void;
}

/** How a kind of file names and lays out the weights of a model. */
export interface FileLayout {
  /** By the file's names. */
  readonly weights: ReadonlyMap<string, FileWeight>;
  /** Names that are left aside: those of a top that the model does not have. */
  readonly ignored: RegExp | null;
}

/** The weights by their names in Keras: of the layer and of the weight. `top` are the names of the layers of a top. */
export function kerasLayout(model: Model, includeTop: boolean, top: readonly string[]): FileLayout {
  return {
    weights: new Map([...model.namedWeights()].map(([name, weight]) => [name, asIs(weight)])),
    ignored: includeTop ? null : new RegExp(`^(${top.join("|")})/`),
  };
}

/** A weight that a file has in the same shape, such as a view of a model's. */
export function asIs(weight: Tensor): FileWeight {
  const { dtype, shape } = weight;
  return { dtype, shape, fill: (values) => assign(weight, values) };
}

/**
 * The model that `build` makes, with the weights of a safetensors file, or with random ones for null. `layoutOf` chooses by the
 * names in the file. Floats of another dtype are cast.
 *
 * @throws FormatError that lists what is missing, unexpected or of another shape or dtype.
 * @throws ArgumentError, FormatError as `loadSafetensors` does.
 */
export async function withWeights(
  op: string,
  file: string | null,
  build: () => Model,
  layoutOf: (model: Model, names: readonly string[]) => FileLayout,
): Promise<Model> {
  if (file === null) return build();
  const stream = currentStream();
  const names: string[] = [];
  // The names alone.
  await loadSafetensors(file, { names: (name) => names.push(name) === 0 });
  const model = onStream(stream, () => withoutInitialization(build));
  const { weights, ignored } = withRecording(false, () => layoutOf(model, names));
  const { tensors } = await onStream(stream, () => loadSafetensors(file, { names: (name) => !ignored?.test(name) }));
  try {
    withRecording(false, () =>
      tidy(() => {
        const given = new Map<string, Tensor>();
        for (const [written, tensor] of tensors) {
          // Keras wrote the number of a variable's output after its name for long.
          const name = written.replace(/:0$/, "");
          const weight = weights.get(name);
          given.set(name, weight ? castFloats(tensor, weight.dtype) : tensor);
        }
        for (const [weight, values] of matchTensors(op, file, weights, given)) weight.fill(values);
      }),
    );
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
  return model;
}
