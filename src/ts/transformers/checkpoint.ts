import { FormatError } from "../errors.js";
import { show } from "../io/json.js";
import { castFloats, matchTensors } from "../io/matchTensors.js";
import { loadSafetensors, saveSafetensors } from "../io/safetensors.js";
import { tidy } from "../memory.js";
import { assign } from "../ops/assign.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { toCheckpoint, type CheckpointWeight } from "./checkpointWeight.js";

/** How the names of a family's checkpoints are to be read. */
export interface CheckpointNames {
  /** What the names of the model without its head begin with in a checkpoint with a head, and may begin with in others. */
  readonly prefix: string;
  /** Beginnings of what checkpoints have for other tasks, or for no use. */
  readonly ignored: readonly string[];
  /** Beginnings of what a checkpoint may lack: what depends on the task. */
  readonly optional: readonly string[];
}

/**
 * Reads the weights of a checkpoint.
 *
 * @returns the weights that it lacks and may lack.
 * @throws FormatError naming all tensors that do not fit, before anything has changed.
 */
export async function loadCheckpoint(
  op: string,
  file: string,
  weights: readonly CheckpointWeight[],
  { prefix, ignored, optional }: CheckpointNames,
): Promise<CheckpointWeight[]> {
  const expected = new Map(weights.map((each) => [bareName(each.name, prefix), each]));
  const wanted = (name: string): boolean =>
    expected.has(bareName(name, prefix)) || !startsWithAny(bareName(name, prefix), ignored);
  const { tensors } = await loadSafetensors(file, { names: wanted });
  try {
    return withRecording(false, () =>
      tidy(() => {
        const given = new Map<string, Tensor>();
        for (const [name, value] of tensors) {
          const weight = expected.get(bareName(name, prefix));
          const known = weight?.name ?? name;
          if (given.has(known)) {
            throw new FormatError(`${op}: two tensors for one weight: ${show(name)} is ${show(known)} too, in ${file}`);
          }
          given.set(known, weight ? castFloats(value, weight.weight.dtype) : value);
        }
        const isLacking = ({ name }: CheckpointWeight): boolean =>
          !given.has(name) && startsWithAny(bareName(name, prefix), optional);
        const found = weights.filter((each) => !isLacking(each));
        const places = new Map(found.map((each) => [each.name, toCheckpoint(each, each.weight)]));
        for (const [place, value] of matchTensors(op, file, places, given)) assign(place, value);
        return weights.filter(isLacking);
      }),
    );
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
}

/** Writes the weights to a file that Hugging Face's libraries read. */
export async function saveCheckpoint(file: string, weights: readonly CheckpointWeight[]): Promise<void> {
  const tensors = withRecording(false, () =>
    weights.map((each) => [each.name, tidy(() => toCheckpoint(each, each.weight))] as const),
  );
  try {
    await saveSafetensors(file, new Map(tensors), { metadata: { format: "pt" } });
  } finally {
    for (const [, tensor] of tensors) tensor.dispose();
  }
}

/** BERT's first checkpoints, made in TensorFlow, call a normalization's weights gamma and beta. */
function bareName(name: string, prefix: string): string {
  const renamed = name
    .replace(/\bLayerNorm\.gamma$/, "LayerNorm.weight")
    .replace(/\bLayerNorm\.beta$/, "LayerNorm.bias");
  return renamed.startsWith(`${prefix}.`) ? renamed.slice(prefix.length + 1) : renamed;
}

function startsWithAny(name: string, starts: readonly string[]): boolean {
  return starts.some((start) => name.startsWith(start));
}
