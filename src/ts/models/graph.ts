import { ArgumentError, describe, ShapeError } from "../errors.js";
import { formatBatchShape, sameBatchShape, shapeList, type BatchShape } from "../layers/batchShape.js";
import { InputLayer } from "../layers/inputLayer.js";
import type { CallOptions, Layer, Masked, ShapesOf, Tensors } from "../layers/layer.js";
import { SymbolicTensor, type AnyLayer, type LayerCall } from "../layers/symbolic.js";
import { checkTensor } from "../op.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { withRelease } from "./release.js";

/** One symbolic tensor, or several. */
export type Symbolics = SymbolicTensor | readonly SymbolicTensor[];

/** The calls of layers that lead from some symbolic tensors to others. */
export class Graph {
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  /** Whether a model takes, and gives, a list. */
  readonly takesList: boolean;
  readonly givesList: boolean;
  /** In an order in which each comes after those that it needs. */
  readonly calls: readonly LayerCall[];
  /** Each layer once, from the inputs to the outputs; of those equally far from the outputs as Keras orders them. */
  readonly layers: readonly AnyLayer[];
  /** What no call after this one needs. */
  private readonly lastUses: readonly (readonly SymbolicTensor[])[];
  /** For a call whose only use is by another layer alone: that call. Both may be computed at once. */
  private readonly followers: ReadonlyMap<LayerCall, LayerCall>;

  /** @throws ArgumentError for what is no symbolic tensor, and for outputs that need an input which is not given. */
  constructor(op: string, inputs: Symbolics, outputs: Symbolics) {
    this.inputs = checkSymbolics(op, "inputs", inputs);
    this.outputs = checkSymbolics(op, "outputs", outputs);
    this.takesList = Array.isArray(inputs);
    this.givesList = Array.isArray(outputs);
    const twice = this.inputs.find((input, i) => this.inputs.indexOf(input) !== i);
    if (twice) throw new ArgumentError(`${op}: an input is given twice: ${twice.name}`);
    const sorted = sortCalls(op, this.inputs, this.outputs);
    this.calls = sorted.calls;
    this.layers = sorted.layers;
    this.lastUses = this.findLastUses();
    this.followers = this.findFollowers();
  }

  /** @throws ShapeError, ArgumentError for tensors that are not what the inputs say. */
  check(op: string, tensors: readonly Tensor[]): void {
    if (tensors.length !== this.inputs.length) {
      const names = this.inputs.map((input) => input.name).join(", ");
      throw new ArgumentError(`${op}: the number of inputs differs: ${tensors.length} given, expected ${names}`);
    }
    tensors.forEach((tensor, i) => {
      const { name, shape } = this.inputs[i]!;
      checkTensor(op, tensor);
      const fits =
        shape.length === tensor.rank && shape.every((size, axis) => size === null || size === tensor.shape[axis]);
      if (fits) return;
      throw new ShapeError(
        `${op}: the input does not fit: ${name} is ${formatShape(tensor.shape)}, expected ${formatBatchShape(shape)}`,
      );
    });
  }

  /** The results for `x`, and the mask of the first. What is computed on the way is released as soon as it was used. */
  run(x: readonly Tensor[], { training, mask }: CallOptions): Masked<readonly Tensor[]> {
    const values = new Map<SymbolicTensor, Masked>();
    this.inputs.forEach((input, i) => values.set(input, { y: x[i]!, mask: i === 0 ? mask : null }));
    const done = new Set<LayerCall>();
    withRelease((release) => {
      this.calls.forEach((call, i) => {
        if (!done.has(call)) this.compute(call, values, done, training);
        for (const symbolic of this.lastUses[i]!) {
          const value = values.get(symbolic);
          values.delete(symbolic);
          if (value) release(value.y, [...x, ...[...values.values()].map(({ y }) => y)]);
        }
      });
    });
    const results = this.outputs.map((output) => values.get(output)!);
    return { y: results.map(({ y }) => y), mask: results[0]!.mask };
  }

  /** The shapes of the results for inputs of these shapes. */
  outputShapes(inputShapes: readonly BatchShape[]): readonly BatchShape[] {
    if (this.inputs.every(({ shape }, i) => sameBatchShape(shape, inputShapes[i]!))) {
      return this.outputs.map(({ shape }) => shape);
    }
    const shapes = new Map(this.inputs.map((input, i) => [input, inputShapes[i]!]));
    for (const { layer, inputs, outputs, takesList } of this.calls) {
      const given = inputs.map((input) => shapes.get(input)!);
      const result = layer.outputShapesFor((takesList ? given : given[0]!) as ShapesOf<Tensors>);
      shapeList(result).forEach((shape, i) => shapes.set(outputs[i]!, shape));
    }
    return this.outputs.map((output) => shapes.get(output)!);
  }

  private compute(call: LayerCall, values: Map<SymbolicTensor, Masked>, done: Set<LayerCall>, training: boolean): void {
    const given = call.inputs.map((input) => values.get(input)!);
    const follower = this.followers.get(call);
    if (follower) {
      const y = (call.layer as Layer).applyWith(follower.layer as Layer, given[0]!.y);
      if (y) {
        done.add(follower);
        values.set(follower.outputs[0]!, { y, mask: null });
        return;
      }
    }
    const tensors = given.map(({ y }) => y);
    const options = { training, mask: given[0]!.mask, ...replaceSymbolic(call.options, values) };
    const { y, mask } = call.layer.applyMasked(call.takesList ? tensors : tensors[0]!, options);
    const results = Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor];
    call.outputs.forEach((output, i) => values.set(output, { y: results[i]!, mask: i === 0 ? mask : null }));
  }

  private findLastUses(): readonly (readonly SymbolicTensor[])[] {
    const last = new Map<SymbolicTensor, number>();
    this.calls.forEach((call, i) => {
      for (const symbolic of [...call.outputs, ...call.inputs, ...symbolicOptions(call.options)]) last.set(symbolic, i);
    });
    for (const symbolic of [...this.inputs, ...this.outputs]) last.delete(symbolic);
    const uses: SymbolicTensor[][] = this.calls.map(() => []);
    for (const [symbolic, i] of last) uses[i]!.push(symbolic);
    return uses;
  }

  private findFollowers(): ReadonlyMap<LayerCall, LayerCall> {
    const users = new Map<SymbolicTensor, LayerCall[]>();
    for (const call of this.calls) {
      for (const input of [...call.inputs, ...symbolicOptions(call.options)]) {
        users.set(input, [...(users.get(input) ?? []), call]);
      }
    }
    const followers = new Map<LayerCall, LayerCall>();
    for (const call of this.calls) {
      const [only, ...others] = call.outputs.flatMap((output) => users.get(output) ?? []);
      const kept = call.outputs.some((output) => this.outputs.includes(output));
      if (!only || others.length > 0 || kept) continue;
      if ([call, only].every(isPlain)) followers.set(call, only);
    }
    return followers;
  }
}

/** Whether a call takes one tensor and gives one, without options. */
function isPlain({ takesList, givesList, options }: LayerCall): boolean {
  return !takesList && !givesList && Object.keys(options).length === 0;
}

/** The symbolic tensors in the options of a call. */
function symbolicOptions(options: Readonly<Record<string, unknown>>): readonly SymbolicTensor[] {
  return Object.values(options)
    .flat()
    .filter((value): value is SymbolicTensor => value instanceof SymbolicTensor);
}

/** The options of a call with tensors in place of the symbolic ones. */
function replaceSymbolic(
  options: Readonly<Record<string, unknown>>,
  values: ReadonlyMap<SymbolicTensor, Masked>,
): Record<string, unknown> {
  const replace = (value: unknown): unknown => {
    if (value instanceof SymbolicTensor) return values.get(value)!.y;
    return Array.isArray(value) ? value.map(replace) : value;
  };
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, replace(value)]));
}

function checkSymbolics(op: string, name: string, given: Symbolics): readonly SymbolicTensor[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const isRight = list.length > 0 && list.every((each) => each instanceof SymbolicTensor);
  if (isRight) return [...list] as SymbolicTensor[];
  throw new ArgumentError(
    `${op}: ${name} is wrong: ${describe(given)}, expected a symbolic tensor, such as Input gives, or a list of them`,
  );
}

/** The calls between inputs and outputs, sorted by how far they are from the outputs, and their layers likewise. */
function sortCalls(
  op: string,
  inputs: readonly SymbolicTensor[],
  outputs: readonly SymbolicTensor[],
): { calls: readonly LayerCall[]; layers: readonly AnyLayer[] } {
  const given = new Set(inputs);
  // Depth first, in order of the calls' inputs: each call ends after those that it needs.
  const ended: LayerCall[] = [];
  const seen = new Set<LayerCall>();
  const met = new Map<AnyLayer, number>();
  const meet = (layer: AnyLayer): void => void (met.has(layer) || met.set(layer, met.size));
  const needsOf = (call: LayerCall): readonly SymbolicTensor[] => [...call.inputs, ...symbolicOptions(call.options)];
  for (const output of outputs) {
    // A list of what is left to do, in place of calls of a function: graphs may be deeper than the stack.
    const left: { symbolic: SymbolicTensor; entered: boolean }[] = [{ symbolic: output, entered: false }];
    for (let item = left.pop(); item; item = left.pop()) {
      const call = item.symbolic.source;
      if (item.entered) {
        ended.push(call);
        continue;
      }
      if (given.has(item.symbolic) || seen.has(call)) continue;
      if (call.inputs.length === 0) {
        throw new ArgumentError(
          `${op}: the graph is not connected: the output ${output.name} depends on the input ${call.layer.name}, ` +
            "which is not among the inputs",
        );
      }
      seen.add(call);
      meet(call.layer);
      left.push({ symbolic: item.symbolic, entered: true });
      for (const need of [...needsOf(call)].reverse()) left.push({ symbolic: need, entered: false });
    }
  }
  const depths = new Map<LayerCall, number>();
  const layerDepths = new Map<AnyLayer, number>();
  for (const call of [...ended].reverse()) {
    const depth = Math.max(depths.get(call) ?? 0, layerDepths.get(call.layer) ?? 0);
    layerDepths.set(call.layer, depth);
    depths.set(call, depth);
    for (const { source } of needsOf(call)) depths.set(source, Math.max(depths.get(source) ?? 0, depth + 1));
  }
  const inputLayers = inputs.map(({ source }) => source.layer).filter((layer) => layer instanceof InputLayer);
  const deepest = Math.max(0, ...depths.values());
  for (const layer of inputLayers) layerDepths.set(layer, deepest);
  const layers = [...inputLayers, ...met.keys()];
  const sorted = [...new Set(layers)].sort((a, b) => layerDepths.get(b)! - layerDepths.get(a)!);
  return { calls: ended, layers: sorted };
}

/** @throws ArgumentError when two layers have the same name. */
export function checkNames(op: string, layers: readonly AnyLayer[]): void {
  const names = layers.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new ArgumentError(`${op}: two layers have the name "${twice}": expected different names`);
}

/** The names with a number behind those that were there before. */
export function numbered(names: readonly string[]): readonly string[] {
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((other) => other === name).length;
    return before === 0 ? name : `${name}_${before}`;
  });
}
