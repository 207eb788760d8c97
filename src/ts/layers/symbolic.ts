import { wrong } from "../checks.js";
import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { formatBatchShape, type BatchShape } from "./batchShape.js";
import type { Layer, Tensors } from "./layer.js";

/** A layer without regard to what it takes and gives. */
export type AnyLayer = Layer<Tensors, Tensors>;

/** A use of a layer in a graph: what it was applied to, and what that gives. */
export interface LayerCall {
  readonly layer: AnyLayer;
  /** As `apply` got them; empty for an InputLayer. */
  readonly inputs: readonly SymbolicTensor[];
  /** Whether the input was a list. */
  readonly takesList: boolean;
  /** The options of the call, in which symbolic tensors may stand for tensors. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly outputs: readonly SymbolicTensor[];
  /** Whether the result is a list. */
  readonly givesList: boolean;
}

/**
 * What stands for a tensor while a model is put together: a shape and the layer that will make it, but no elements. `Input`
 * makes one, and a layer applied to one gives another.
 */
export class SymbolicTensor {
  /** With null for the batch, and for other sizes that are not known. */
  readonly shape: BatchShape;
  readonly dtype: DType;
  /** @internal The call that makes it. */
  readonly source: LayerCall;
  /** @internal Which of that call's results it is. */
  readonly index: number;

  /** @internal */
  constructor(shape: BatchShape, dtype: DType, source: LayerCall, index: number) {
    this.shape = shape;
    this.dtype = dtype;
    this.source = source;
    this.index = index;
  }

  /** The name of the layer that makes it. */
  get name(): string {
    return this.source.layer.name;
  }

  toString(): string {
    return `SymbolicTensor(${this.name}: ${this.dtype} ${formatBatchShape(this.shape)})`;
  }
}

/** The symbolic form of what layers take and give. */
export type SymbolicOf<T extends Tensors> = T extends readonly Tensor[] ? readonly SymbolicTensor[] : SymbolicTensor;

/** Whether a layer is applied to a graph's tensors, in place of real ones. */
export function isSymbolic(x: unknown): x is SymbolicTensor | readonly SymbolicTensor[] {
  return x instanceof SymbolicTensor || (Array.isArray(x) && x.some((each) => each instanceof SymbolicTensor));
}

/** The list of the symbolic tensors that a layer is applied to. @throws ArgumentError for a mixture. */
export function symbolicList(op: string, x: SymbolicTensor | readonly SymbolicTensor[]): readonly SymbolicTensor[] {
  const list = x instanceof SymbolicTensor ? [x] : x;
  list.forEach((each: unknown, i) => {
    if (!(each instanceof SymbolicTensor)) throw wrong(op, `input ${i}`, each, "a symbolic tensor like the others");
  });
  return list;
}
