import { ArgumentError, describe } from "../errors.js";
import { wrong } from "../checks.js";
import { add, div, mul } from "../ops/binary.js";
import { concat } from "../ops/concat.js";
import { flip } from "../ops/flip.js";
import { unknownName } from "../suggest.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions, type ShapesOf } from "./layer.js";
import { RecurrentLayer, type RecurrentCallOptions } from "./recurrent.js";

const MERGE_MODES = ["concat", "sum", "mul", "ave"] as const;
/** How the outputs of both directions become one; null keeps them apart. */
export type MergeMode = (typeof MERGE_MODES)[number] | null;

export interface BidirectionalOptions<
  State extends boolean = boolean,
  Mode extends MergeMode = MergeMode,
> extends LayerOptions {
  /** What goes through time in its direction: it becomes part of this layer as it is. */
  layer: RecurrentLayer<State>;
  /** What goes the other way: by default a new layer with the options of `layer`. */
  backwardLayer?: RecurrentLayer<State>;
  /** "concat" by default. */
  mergeMode?: Mode;
}

type Results<State extends boolean, Mode extends MergeMode> = State extends true
  ? Tensor[]
  : Mode extends null
    ? Tensor[]
    : Tensor;

/**
 * Runs a recurrent layer through time in both directions and merges the outputs, with sequences in the order of the
 * input. With `returnState` the result is a list: the output, or both of them, then the states of `layer` and those of
 * the other one. The initial state of a call is the list of these. Weights are in that order too.
 */
export class Bidirectional<State extends boolean = false, Mode extends MergeMode = "concat"> extends Layer<
  Tensor,
  Results<State, Mode>,
  RecurrentCallOptions
> {
  readonly forwardLayer: RecurrentLayer<State>;
  readonly backwardLayer: RecurrentLayer<State>;
  readonly mergeMode: MergeMode;
  protected override readonly callOptions = ["training", "mask", "initialState"];

  constructor(options: BidirectionalOptions<State, Mode>) {
    super(options, ["layer", "backwardLayer", "mergeMode"]);
    const { layer, mergeMode = "concat" } = options;
    this.mergeMode = this.checkMode(mergeMode);
    this.forwardLayer = this.checkLayer("layer", layer);
    this.backwardLayer = this.checkLayer("backwardLayer", options.backwardLayer ?? layer.reversed());
    const { forwardLayer: there, backwardLayer: back } = this;
    if (there.goBackwards === back.goBackwards) {
      throw new ArgumentError(
        `${this.name}: both layers go the same way: goBackwards is ${there.goBackwards}, expected true in one of them`,
      );
    }
    for (const name of ["stateful", "returnSequences", "returnState"] as const) {
      if (there[name] === back[name]) continue;
      throw new ArgumentError(
        `${this.name}: the layers differ in ${name}: it is ${there[name]} and ${back[name]}, expected the same`,
      );
    }
    // The two outputs of a step that does not count come from different times: they must not be merged.
    for (const each of [there, back]) each.zeroOutputForMask = each.returnSequences;
    this.inputSpec = { rank: 3 };
  }

  override build(inputShape: BatchShape): void {
    this.forwardLayer.build(inputShape);
    this.backwardLayer.build(inputShape);
  }

  call(x: Tensor, options: RecurrentCallOptions): Results<State, Mode> {
    const { forwardLayer, backwardLayer } = this;
    const [forState, backState] = this.halves(options.initialState ?? null);
    const forward = listOf(forwardLayer.apply(x, { ...options, initialState: forState }));
    const backward = listOf(backwardLayer.apply(x, { ...options, initialState: backState }));
    const [there, back] = [forward[0]!, backward[0]!];
    const outputs = this.merge(there, forwardLayer.returnSequences ? flip(back, 1) : back);
    const list = forwardLayer.returnState || this.mergeMode === null;
    const results = list ? [...outputs, ...forward.slice(1), ...backward.slice(1)] : outputs[0]!;
    return results as Results<State, Mode>;
  }

  override computeMask(x: Tensor, mask: Tensor | null = null): Tensor | null {
    return this.forwardLayer.computeMask(x, mask);
  }

  override computeOutputShape(inputShape: BatchShape): ShapesOf<Results<State, Mode>> {
    const [there, back] = [this.forwardLayer, this.backwardLayer].map((layer) => {
      const shape: BatchShape | readonly BatchShape[] = layer.computeOutputShape(inputShape);
      return layer.returnState ? (shape as readonly BatchShape[]) : [shape as BatchShape];
    }) as [readonly BatchShape[], readonly BatchShape[]];
    const [output, other] = [there[0]!, back[0]!];
    const joined = [...output.slice(0, -1), this.forwardLayer.units + this.backwardLayer.units];
    const merged = this.mergeMode === null ? [output, other] : [this.mergeMode === "concat" ? joined : output];
    const list = this.forwardLayer.returnState || this.mergeMode === null;
    const shapes: BatchShape | readonly BatchShape[] = list
      ? [...merged, ...there.slice(1), ...back.slice(1)]
      : merged[0]!;
    return shapes as ShapesOf<Results<State, Mode>>;
  }

  private merge(there: Tensor, back: Tensor): Tensor[] {
    switch (this.mergeMode) {
      case "concat":
        return [concat([there, back], -1)];
      case "sum":
        return [add(there, back)];
      case "mul":
        return [mul(there, back)];
      case "ave":
        return [div(add(there, back), 2)];
      case null:
        return [there, back];
    }
  }

  private halves(states: unknown): [readonly Tensor[] | null, readonly Tensor[] | null] {
    if (states === null) return [null, null];
    const { stateCount } = this.forwardLayer;
    const count = stateCount + this.backwardLayer.stateCount;
    if (Array.isArray(states) && states.length === count)
      return [states.slice(0, stateCount), states.slice(stateCount)];
    const given = Array.isArray(states) ? `a list of ${states.length}` : describe(states);
    throw new ArgumentError(`${this.name}: initialState is wrong: ${given}, expected a list of ${count}`);
  }

  private checkMode(mode: MergeMode): MergeMode {
    if (mode === null || MERGE_MODES.includes(mode)) return mode;
    if (typeof mode === "string") throw unknownName(this.name, "mergeMode", mode, [...MERGE_MODES, "null"]);
    throw wrong(this.name, "mergeMode", mode, `null or one of ${MERGE_MODES.join(", ")}`);
  }

  private checkLayer(name: string, layer: RecurrentLayer<State>): RecurrentLayer<State> {
    if (layer instanceof RecurrentLayer) return layer;
    throw wrong(this.name, name, layer, "a recurrent layer such as new layers.LSTM({ units })");
  }
}

function listOf(results: Tensor | readonly Tensor[]): readonly Tensor[] {
  return Array.isArray(results) ? (results as readonly Tensor[]) : [results as Tensor];
}
