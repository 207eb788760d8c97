import { isInteger } from "../dtype.js";
import { FormatError } from "../errors.js";
import { show } from "../io/json.js";
import { loadSafetensors, saveSafetensors } from "../io/safetensors.js";
import { tidy } from "../memory.js";
import { assign } from "../ops/assign.js";
import { formatShape, sameShape } from "../shape.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { fromCheckpoint, toCheckpoint, type CheckpointWeight } from "./checkpointWeight.js";

const MOST_LISTED = 8;

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
 * Reads the weights of a checkpoint; `model` is the name in messages.
 *
 * @returns the names of those that it lacks and may lack.
 * @throws FormatError naming all tensors that do not fit, before anything has changed.
 */
export async function loadCheckpoint(
  op: string,
  model: string,
  file: string,
  weights: readonly CheckpointWeight[],
  names: CheckpointNames,
): Promise<string[]> {
  const expected = new Map(weights.map((each) => [bareName(each.name, names.prefix), each]));
  const chosen = new Map<string, string>();
  const unknown: string[] = [];
  const wanted = (raw: string): boolean => {
    const name = bareName(raw, names.prefix);
    const isChosen = expected.has(name) && !chosen.has(name);
    if (isChosen) chosen.set(name, raw);
    else if (expected.has(name) || !startsWithAny(name, names.ignored)) unknown.push(show(raw));
    return isChosen;
  };
  const { tensors } = await loadSafetensors(file, { names: wanted });
  try {
    const lacking = [...expected.keys()].filter((name) => !chosen.has(name));
    const missing = lacking.filter((name) => !startsWithAny(name, names.optional));
    const found = [...chosen].map(([name, raw]) => ({ weight: expected.get(name)!, raw, tensor: tensors.get(raw)! }));
    const misfits = found.flatMap(({ weight, raw, tensor }) => misfit(weight, raw, tensor));
    const fullNames = (bare: readonly string[]): string[] => bare.map((name) => expected.get(name)!.name);
    const problems = [
      ...listed("it lacks", fullNames(missing).map(show), ", "),
      ...listed("it has what is not known:", unknown, ", "),
      ...listed("it has", misfits, "; "),
    ];
    if (problems.length > 0) {
      throw new FormatError(`${op}: the tensors do not fit ${model}: ${file}: ${problems.join("; ")}`);
    }
    withRecording(false, () => {
      for (const { weight, tensor } of found) tidy(() => assign(weight.weight, fromCheckpoint(weight, tensor)));
    });
    return fullNames(lacking);
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

/** What is wrong with a tensor of a file, if something is. */
function misfit({ shape }: CheckpointWeight, raw: string, { dtype, shape: given }: Tensor): string[] {
  if (sameShape(shape, given) && !isInteger(dtype)) return [];
  return [`${show(raw)} as ${dtype} ${formatShape(given)}, expected ${formatShape(shape)} of floats`];
}

function listed(what: string, items: readonly string[], separator: string): string[] {
  if (items.length === 0) return [];
  const more = items.length > MOST_LISTED ? `${separator}and ${items.length - MOST_LISTED} more` : "";
  return [`${what} ${items.slice(0, MOST_LISTED).join(separator)}${more}`];
}
