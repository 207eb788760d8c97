import { ArgumentError } from "./errors.js";
import { isFloating, type DType, type ElementOf, type TypedArrayOf } from "./dtype.js";
import { currentScope } from "./scope.js";
import { contiguousStrides, sameShape, sizeOf, type Shape, type ShapeOf } from "./shape.js";
import type { Device } from "./device.js";
import type { Operand, Storage, Stream } from "./stream.js";
import type { TapeNode } from "./tape.js";

/** Numbers nested as deep as the tensor has dimensions. */
export type NestedArray = number | boolean | readonly NestedArray[];

interface Arrays<E extends number | boolean> {
  readonly [rank: number]: NestedArray;
  0: E;
  1: E[];
  2: E[][];
  3: E[][][];
  4: E[][][][];
  5: E[][][][][];
  6: E[][][][][][];
  7: E[][][][][][][];
  8: E[][][][][][][][];
}

/** {@link NestedArray} of a tensor whose dtype and rank the compiler knows. */
export type ArrayOf<D extends DType, R extends number> = Arrays<ElementOf[D]>[R];

/**
 * An n-dimensional array on a device. Values are computed in the background: shape and dtype are known at once,
 * elements when a read (`data`, `item`, …) resolves.
 *
 * Ops are methods as well as functions; each is defined in `ops/<name>.ts`, which also adds its method here.
 * `R` is the number of dimensions where the compiler can tell it, or else `number`.
 */
export class Tensor<D extends DType = DType, R extends number = number> implements Operand {
  /** The size of each axis. */
  readonly shape: ShapeOf<R>;
  /** The dtype of the elements. */
  readonly dtype: D;
  /** @internal */ storage: Storage;
  /** @internal */ strides: readonly number[] | null;
  /** @internal */ offset: number;
  /** The gradient that `backward()` left here; null before, and for tensors that are not leaves. */
  grad: Tensor<D, R> | null = null;
  /** @internal The op that made this tensor, when a gradient will be needed. */
  node: TapeNode | null = null;
  /** @internal What stands for this tensor in graphs that it is a leaf of. */
  leafNode: TapeNode | null = null;
  /** @internal Which of the node's outputs this is. */
  outputIndex = 0;
  /** @internal See Scope. */
  kept = false;
  private needsGrad = false;
  private released = false;

  /** @internal Users call `tensor()`, `zeros()`, … */
  constructor(storage: Storage, shape: ShapeOf<R>, dtype: D, strides: readonly number[] | null = null, offset = 0) {
    this.storage = storage;
    this.shape = shape;
    this.dtype = dtype;
    this.strides = strides;
    this.offset = offset;
    currentScope()?.members.push(this);
  }

  /** @internal A fresh tensor whose elements a command will write. */
  static create<D extends DType>(stream: Stream, shape: Shape, dtype: D): Tensor<D> {
    return new Tensor(stream.allocate(dtype, sizeOf(shape)), shape, dtype);
  }

  /** The number of dimensions. */
  get rank(): R {
    return this.shape.length as R;
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Where the elements are: "cpu" or "cuda". */
  get device(): Device {
    return this.storage.stream.device;
  }

  /** Whether `backward()` computes a gradient for this tensor. True for the results of such tensors too. */
  get requiresGrad(): boolean {
    return this.needsGrad;
  }

  /** @throws ArgumentError for a tensor that an op made (detach it first), or another dtype than float32 and float64. */
  set requiresGrad(value: boolean) {
    if (this.node !== null && !value) {
      throw new ArgumentError("requiresGrad: the tensor is the result of an op: use detach() to cut it off");
    }
    if (value && !isFloating(this.dtype)) {
      throw new ArgumentError(
        `requiresGrad: only float32 and float64 tensors can require gradients: the dtype is ${this.dtype}`,
      );
    }
    this.needsGrad = value;
  }

  /** @internal Made by an op on the tape. */
  attach(node: TapeNode, outputIndex: number): void {
    this.node = node;
    this.outputIndex = outputIndex;
    this.needsGrad = true;
  }

  /** Whether the elements lie in row-major order without gaps. */
  get isContiguous(): boolean {
    return this.strides === null || sameShape(this.strides, contiguousStrides(this.shape));
  }

  /** Whether {@link dispose} was called; such a tensor can no longer be used. */
  get disposed(): boolean {
    return this.released;
  }

  /**
   * Gives the memory back at once. Nobody has to call it: unreachable tensors are found. Calling it twice is
   * allowed; views of the same memory stay usable.
   */
  dispose(): void {
    if (this.released) return;
    this.released = true;
    this.storage.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal Another tensor on the same elements, part of the same graph. */
  alias(
    shape: Shape = this.shape as Shape,
    strides: readonly number[] | null = this.strides,
    offset = this.offset,
  ): Tensor<D> {
    this.storage.references++;
    return new Tensor(this.storage, shape, this.dtype, strides, offset);
  }

  /** The same elements, cut off from the graph: gradients stop here. */
  detach(): Tensor<D, R> {
    this.check("detach");
    return this.alias() as unknown as Tensor<D, R>;
  }

  /** @internal @throws ArgumentError when the tensor was disposed. */
  check(op: string): void {
    if (this.released)
      throw new ArgumentError(`${op}: the tensor was disposed: its shape was [${this.shape.join(",")}]`);
  }

  /**
   * The elements in row-major order, as a copy, without blocking the event loop. Those of bfloat16 and float16 come as
   * a Float32Array, which holds them exactly; {@link bytes} gives their bits.
   */
  async data(): Promise<TypedArrayOf[D]> {
    this.check("data");
    return (await this.storage.stream.read(this)) as TypedArrayOf[D];
  }

  /** Like {@link data}, blocking until the value is there. */
  dataSync(): TypedArrayOf[D] {
    this.check("dataSync");
    return this.storage.stream.readSync(this) as TypedArrayOf[D];
  }

  /**
   * The elements in row-major order as a tensor's memory holds them: 1, 2, 4 or 8 bytes each, little-endian, as files
   * have them too. A copy, without blocking the event loop.
   */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    this.check("bytes");
    return new Uint8Array(await this.storage.stream.readBytes(this));
  }

  /** Like {@link bytes}, blocking until the value is there. */
  bytesSync(): Uint8Array<ArrayBuffer> {
    this.check("bytesSync");
    return new Uint8Array(this.storage.stream.readBytesSync(this));
  }

  /** The only element, as a number (0 or 1 for bool). @throws ArgumentError when there is not exactly one. */
  async item(): Promise<number> {
    this.checkSingle("item");
    return (await this.data())[0]!;
  }

  /** Like {@link item}, blocking. */
  itemSync(): number {
    this.checkSingle("itemSync");
    return this.dataSync()[0]!;
  }

  /** The elements as nested arrays, without blocking the event loop; booleans for dtype bool, a number or boolean for rank 0. */
  async toArray(): Promise<ArrayOf<D, R>> {
    return nest(await this.data(), this.shape, this.dtype) as ArrayOf<D, R>;
  }

  /** Like {@link toArray}, blocking. */
  toArraySync(): ArrayOf<D, R> {
    return nest(this.dataSync(), this.shape, this.dtype) as ArrayOf<D, R>;
  }

  private checkSingle(op: string): void {
    this.check(op);
    if (this.size !== 1) {
      throw new ArgumentError(
        `${op}: not a single element: the shape is [${this.shape.join(",")}], use data() instead`,
      );
    }
  }
}

function nest(data: ArrayLike<number>, shape: Shape, dtype: DType): NestedArray {
  let at = 0;
  const build = (axis: number): NestedArray => {
    if (axis === shape.length) {
      const value = data[at++]!;
      return dtype === "bool" ? value !== 0 : value;
    }
    return Array.from({ length: shape[axis]! }, () => build(axis + 1));
  };
  return build(0);
}

/**
 * Adds an op to Tensor's methods, so that `x.op(...)` is `op(x, ...)`. The type comes from a declaration beside
 * the call: `declare module "../tensor.js" { interface Tensor { op(...): ... } }`.
 *
 * @internal
 */
export function addMethod<A extends unknown[], R>(name: keyof Tensor, op: (self: Tensor, ...rest: A) => R): void {
  Object.defineProperty(Tensor.prototype, name, {
    value: function (this: Tensor, ...rest: A): R {
      return op(this, ...rest);
    },
    writable: true,
    configurable: true,
  });
}
