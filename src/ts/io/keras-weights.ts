import { InputLayer } from "../layers/inputLayer.js";
import type { AnyLayer } from "../layers/symbolic.js";
import { tidy } from "../memory.js";
import { Model, type AnyModel } from "../models/model.js";
import { assign } from "../ops/assign.js";
import { cast } from "../ops/cast.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { snakeCase, type Reading } from "./keras-config.js";
import { matchTensors } from "./matchTensors.js";

/** A weight of a model. */
interface Target {
  readonly layer: AnyLayer;
  /** Its name in a file: those of the layer, of a layer inside, if any, and its own. */
  readonly path: readonly string[];
  readonly tensor: Tensor;
}

/** A weight of a file. */
interface Source {
  readonly name: string;
  readonly segments: readonly string[];
  readonly tensor: Tensor;
}

/**
 * The layers of a model and of the models inside, each once, without inputs. The names of models are no part of those of weights.
 */
export function leavesOf(model: AnyModel): AnyLayer[] {
  const leaves = new Set<AnyLayer>();
  for (const layer of model.layers) {
    if (layer instanceof Model) for (const leaf of leavesOf(layer as AnyModel)) leaves.add(leaf);
    else if (!(layer instanceof InputLayer)) leaves.add(layer);
  }
  return [...leaves];
}

/**
 * Sets a model's weights to those of a file. A weight is found by its name, `layer/kernel`, before which a file may have scopes, and
 * inside of which the name of a recurrent layer's cell; those that remain of a layer in file and model are taken by their order.
 *
 * @throws FormatError listing the weights without counterpart and those of another shape; nothing has changed then.
 */
export function setWeights(reading: Reading, model: AnyModel, weights: ReadonlyMap<string, Tensor>): void {
  const sources = [...weights].map(([name, tensor]): Source => ({ name, segments: name.split("/"), tensor }));
  const targets = leavesOf(model).flatMap(targetsOf);
  withRecording(false, () =>
    tidy(() => {
      const found = match(targets, sources);
      const wanted = new Map<string, Tensor>();
      for (const target of targets) {
        const name = found.get(target)?.name ?? target.path.join("/");
        // Layers of two models inside may have one name: a file has no place for the second.
        wanted.set(wanted.has(name) ? `${name} once more` : name, target.tensor);
      }
      const given = new Map(weights);
      for (const [{ tensor: target }, { name, tensor }] of found) {
        // Files have float32 for layers of other dtypes too, and layers floats for what is quantized as integers.
        if (tensor.dtype !== target.dtype) given.set(name, cast(tensor, target.dtype));
      }
      for (const [target, value] of matchTensors(reading.op, reading.file, wanted, given)) assign(target, value);
    }),
  );
}

function targetsOf(layer: AnyLayer): Target[] {
  return [...layer.namedWeights()].map(([name, tensor]) => {
    const [own, ...inside] = name.split("/").reverse();
    return { layer, path: [layer.name, ...inside.reverse(), snakeCase(own!)], tensor };
  });
}

/** The sources of the targets, as far as there are any. */
function match(targets: readonly Target[], sources: readonly Source[]): Map<Target, Source> {
  const left = new Set(sources);
  const found = new Map<Target, Source>();
  const take = (target: Target, source: Source): void => {
    found.set(target, source);
    left.delete(source);
  };
  const byName = new Map(sources.map((source) => [source.name, source]));
  for (const target of targets) {
    const source = byName.get(target.path.join("/"));
    if (source && left.has(source)) take(target, source);
  }
  const bySegment = new Map<string, Source[]>();
  for (const source of left) {
    for (const segment of new Set(source.segments)) {
      const others = bySegment.get(segment);
      if (others) others.push(source);
      else bySegment.set(segment, [source]);
    }
  }
  const remaining = (segment: string): Source[] => (bySegment.get(segment) ?? []).filter((source) => left.has(source));
  // With scopes before the name, and names of cells and layers inside.
  for (const target of targets) {
    if (found.has(target)) continue;
    const near = remaining(target.layer.name).filter(({ segments }) => isWithin(target.path, segments));
    if (near.length === 1) take(target, near[0]!);
  }
  for (const target of targets) {
    if (found.has(target)) continue;
    const [own] = target.path.slice(-1);
    const near = remaining(target.layer.name).filter(({ segments }) => segments.at(-1) === own);
    if (near.length === 1) take(target, near[0]!);
  }
  const byLayer = new Map<AnyLayer, Target[]>();
  for (const target of targets) {
    if (found.has(target)) continue;
    byLayer.set(target.layer, [...(byLayer.get(target.layer) ?? []), target]);
  }
  for (const [layer, rest] of byLayer) {
    const near = remaining(layer.name);
    if (near.length === rest.length) rest.forEach((target, i) => take(target, near[i]!));
  }
  return found;
}

/** Whether these names are among the others, in this order, the last as the last. */
function isWithin(path: readonly string[], segments: readonly string[]): boolean {
  let at = 0;
  for (const segment of segments) if (segment === path[at]) at++;
  return at === path.length && segments.at(-1) === path.at(-1);
}
