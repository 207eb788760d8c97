import { relocate } from "../ops/to.js";
import type { Stream } from "../stream.js";
import { checkBoolean, checkPositive, checkRange } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { keep } from "../memory.js";
import { mul } from "../ops/binary.js";
import { ones } from "../ops/creation.js";
import { dropout } from "../ops/dropout.js";
import type { Cell, CellActivation } from "../ops/recurrent-composition.js";
import { checkRecurrent, runRecurrent, type RecurrentOptions as OpOptions } from "../ops/recurrent.js";
import { expandDims } from "../ops/reshape.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions, type ShapesOf } from "./layer.js";

/** The options that LSTM, GRU and SimpleRNN share. */
export interface RecurrentOptions<State extends boolean = boolean> extends LayerOptions {
  /** The size of the output and of each state. */
  units: number;
  /** Whether a bias is added; true by default. */
  useBias?: boolean;
  /** "glorotUniform" by default. */
  kernelInitializer?: InitializerLike;
  /** "orthogonal" by default. */
  recurrentInitializer?: InitializerLike;
  /** "zeros" by default. */
  biasInitializer?: InitializerLike;
  /** Whether the result has the outputs of all steps, [batch, time, units], or that of the last one. False by default. */
  returnSequences?: boolean;
  /** Whether the result is a list of the output and the last states. False by default. */
  returnState?: State;
  /** Whether time runs from the last step to the first; the sequence of outputs is in that order too. False by default. */
  goBackwards?: boolean;
  /** Whether each call begins with the states that the one before ended with. False by default. */
  stateful?: boolean;
  /** The part of the inputs that is dropped in training, the same in all steps of a sample; 0 by default. */
  dropout?: number;
  /**
   * The part of the last output that is dropped in training before its product with the recurrent kernel, the same in
   * all steps of a sample; 0 by default. It takes the fused kernels away: such training is slower.
   */
  recurrentDropout?: number;
  /** Whether steps that the mask excludes give zeros. False by default: they repeat the output before. */
  zeroOutputForMask?: boolean;
}

const OPTIONS = [
  "units",
  "useBias",
  "kernelInitializer",
  "recurrentInitializer",
  "biasInitializer",
  "returnSequences",
  "returnState",
  "goBackwards",
  "stateful",
  "dropout",
  "recurrentDropout",
  "zeroOutputForMask",
];

export interface RecurrentCallOptions extends CallOptions {
  /** The states before the first step, [batch, units] each; zeros by default. */
  readonly initialState: readonly Tensor[] | null;
}

/** What an op computes a layer with. */
export type RecurrentCourse = OpOptions & { readonly initialState: readonly Tensor[] | null };

/**
 * A layer that goes through the steps of sequences [batch, time, features]: the base of LSTM, GRU and SimpleRNN. The
 * call's `initialState` takes the place of zeros, and of what a stateful layer kept.
 *
 * @throws ShapeError when the input, the mask or a state does not fit. @throws DTypeError for another dtype of a state or
 * mask. @throws ArgumentError for a wrong number of states, and for another batch than a stateful layer's states are for.
 */
export abstract class RecurrentLayer<State extends boolean = boolean> extends Layer<
  Tensor,
  State extends true ? Tensor[] : Tensor,
  RecurrentCallOptions
> {
  readonly units: number;
  readonly useBias: boolean;
  readonly returnSequences: boolean;
  readonly returnState: State;
  readonly goBackwards: boolean;
  readonly stateful: boolean;
  readonly dropout: number;
  readonly recurrentDropout: number;
  /** Whether steps that the mask excludes give zeros. {@link Bidirectional} sets it. */
  zeroOutputForMask: boolean;
  /** [features, gates · units] */
  kernel: Tensor | undefined;
  /** [units, gates · units] */
  recurrentKernel: Tensor | undefined;
  /** [gates · units]; [2, gates · units] for a GRU. */
  bias: Tensor | undefined;
  protected override readonly callOptions = ["training", "mask", "initialState"];
  /** What one step does. */
  protected abstract readonly cell: Cell;
  /** What a step does with its sum. */
  protected readonly cellActivation: CellActivation = "tanh";
  private readonly given: RecurrentOptions<State>;
  /** What a stateful layer begins the next call with. */
  private states: readonly Tensor[] | null = null;

  constructor(options: RecurrentOptions<State>, names: readonly string[]) {
    super(options, [...OPTIONS, ...names]);
    const flag = (
      name: "returnSequences" | "returnState" | "goBackwards" | "stateful" | "zeroOutputForMask",
    ): boolean => checkBoolean(this.name, name, options[name] ?? false);
    this.given = options;
    this.units = checkPositive(this.name, "units", options.units);
    this.useBias = checkBoolean(this.name, "useBias", options.useBias ?? true);
    this.returnSequences = flag("returnSequences");
    this.returnState = flag("returnState") as State;
    this.goBackwards = flag("goBackwards");
    this.stateful = flag("stateful");
    this.zeroOutputForMask = flag("zeroOutputForMask");
    this.dropout = checkRange(this.name, "dropout", options.dropout ?? 0, 0, 1);
    this.recurrentDropout = checkRange(this.name, "recurrentDropout", options.recurrentDropout ?? 0, 0, 1);
    this.inputSpec = { rank: 3 };
  }

  override build(inputShape: BatchShape): void {
    const { units, cell, given } = this;
    const features = knownSize(this.name, inputShape, -1);
    const columns = cell.gates * units;
    this.kernel = this.addWeight({
      name: "kernel",
      shape: [features, columns],
      initializer: given.kernelInitializer ?? "glorotUniform",
    });
    this.recurrentKernel = this.addWeight({
      name: "recurrentKernel",
      shape: [units, columns],
      initializer: given.recurrentInitializer ?? "orthogonal",
    });
    if (this.useBias) {
      this.bias = this.addWeight({
        name: "bias",
        shape: cell.biasRows === 1 ? [columns] : [cell.biasRows, columns],
        initializer: this.biasInitializer(given.biasInitializer ?? "zeros"),
      });
    }
    this.inputSpec = { rank: 3, axes: { [-1]: features } };
  }

  protected biasInitializer(given: InitializerLike): InitializerLike {
    return given;
  }

  /** The op: [y, ...states]. */
  protected abstract compute(x: Tensor, course: RecurrentCourse & { returnState: true }): Tensor[];

  call(x: Tensor, options: RecurrentCallOptions): State extends true ? Tensor[] : Tensor {
    const { training, mask } = options;
    const { goBackwards, returnSequences, zeroOutputForMask } = this;
    const initialState = options.initialState ?? this.keptStates(x);
    const dropped = training ? this.dropInputs(x) : x;
    const course = { initialState, mask, goBackwards, returnSequences, zeroOutputForMask, returnState: true } as const;
    const masked = training && this.recurrentDropout > 0;
    const results = masked ? this.computeMasked(dropped, course) : this.compute(dropped, course);
    if (this.stateful) this.keepStates(results.slice(1));
    return (this.returnState ? results : results[0]!) as State extends true ? Tensor[] : Tensor;
  }

  /** The mask of its sequence of outputs; null without one. */
  override computeMask(_x: Tensor, mask: Tensor | null = null): Tensor | null {
    return this.returnSequences ? mask : null;
  }

  override computeOutputShape(inputShape: BatchShape): ShapesOf<State extends true ? Tensor[] : Tensor> {
    const [batch, time] = inputShape as [number | null, number | null];
    const state = [batch, this.units];
    const output = this.returnSequences ? [batch, time, this.units] : state;
    const shapes: BatchShape | readonly BatchShape[] = this.returnState
      ? [output, ...this.cell.states.map(() => state)]
      : output;
    return shapes as ShapesOf<State extends true ? Tensor[] : Tensor>;
  }

  override resetStates(): void {
    for (const state of this.states ?? []) state.dispose();
    this.states = null;
  }

  protected override moveTo(stream: Stream): void {
    super.moveTo(stream);
    for (const state of this.states ?? []) relocate(state, stream);
  }

  /** @internal The number of states: two of an LSTM, one of the others. */
  get stateCount(): number {
    return this.cell.states.length;
  }

  /** @internal A new layer with the same options that goes through time the other way. */
  reversed(): RecurrentLayer<State> {
    const { inputShape: _, ...options } = this.given;
    const make = this.constructor as new (options: RecurrentOptions<State>) => RecurrentLayer<State>;
    return new make({ ...options, goBackwards: !this.goBackwards, name: `backward_${this.name}` });
  }

  private keptStates(x: Tensor): readonly Tensor[] | null {
    if (this.states === null) return null;
    const [batch, expected] = [x.shape[0]!, this.states[0]!.shape[0]!];
    if (batch === expected) return this.states;
    throw new ArgumentError(
      `${this.name}: another batch than before: it has ${batch} samples, the states that the layer keeps are for ${expected}: ` +
        "call resetStates() before a batch of another size",
    );
  }

  private keepStates(states: readonly Tensor[]): void {
    this.resetStates();
    this.states = states.map((state) => keep(state.detach()));
  }

  /** The same elements of a sample are dropped in all of its steps. */
  private dropInputs(x: Tensor): Tensor {
    if (this.dropout === 0) return x;
    const [batch, , features] = x.shape as [number, number, number];
    const kept = dropout(ones([batch, features], { dtype: this.dtype, device: x.device }), this.dropout);
    return mul(x, expandDims(kept, 1));
  }

  /** The op in tensor ops, with dropout of the last output. */
  private computeMasked(x: Tensor, course: RecurrentCourse & { returnState: true }): Tensor[] {
    const { cell, cellActivation: activation, units } = this;
    const weights = [x, this.kernel!, this.recurrentKernel!] as const;
    const call = checkRecurrent(this.name, cell, weights, this.bias, course);
    const hiddenMask = dropout(
      ones([x.shape[0]!, units], { dtype: this.dtype, device: x.device }),
      this.recurrentDropout,
    );
    const masked = { ...call, inputs: { ...call.inputs, hiddenMask }, attrs: { ...call.attrs, activation } };
    return runRecurrent(null, cell, masked) as Tensor[];
  }
}
