import { ShapeError } from "../errors.js";
import { isFloating, isHalf, type DType, type FloatOf, type Promote } from "../dtype.js";
import { checkTensor, defineOp, type Op, type OpDefinition } from "../op.js";
import { formatShape, normalizeAxes, normalizeAxis, sameShape, sizeOf, type Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkOptions } from "../checks.js";
import { div, minimum, mul } from "./binary.js";
import { expandTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { equal, less } from "./compare.js";
import { arange, zeros } from "./creation.js";
import { gather } from "./gather.js";
import { expandDims, reshape } from "./reshape.js";
import { slice } from "./slice.js";
import { permute } from "./transpose.js";
import { where } from "./where.js";

export interface ReduceOptions {
  /** The axes that are reduced, counted from the end when negative; all of them by default or for null. */
  axis?: number | readonly number[] | null;
  /** Whether reduced axes stay, with size 1. False by default. */
  keepDims?: boolean;
}

/** The rank of a reduction's result: 0 when nothing says otherwise, the input's for `keepDims: true`. */
export type ReducedRank<R extends number, O> = O extends { keepDims: true }
  ? R
  : O extends { axis: unknown } | { keepDims: unknown }
    ? number
    : 0;

export interface ArgReduceOptions {
  /** The axis that is searched; by default or for null, the tensor is searched as if it were flat. */
  axis?: number | null;
  /** Whether the axis stays, with size 1; without an axis, all of them do. False by default. */
  keepDims?: boolean;
}

interface Reduction {
  /** Bit i stands for axis i. */
  readonly axes: number;
  /** The result's shape. */
  readonly shape: Shape;
  /** The same with the reduced axes as size 1. */
  readonly keptShape: Shape;
}

const OPTIONS = ["axis", "keepDims"];

/** `integers` is the dtype of the result for int32 and uint8; by default the input's. */
function defineReduction(
  name: string,
  rest: Pick<OpDefinition<Reduction>, "backward" | "save">,
  integers?: DType,
): Op<Reduction> {
  return defineOp<Reduction>({
    name,
    infer: ([x], { shape }) => [{ shape, dtype: isFloating(x!.dtype) ? x!.dtype : (integers ?? x!.dtype) }],
    encode: ({ axes }) => [axes],
    ...rest,
  });
}

function reduction(op: string, x: Tensor, options: ReduceOptions): Reduction {
  checkTensor(op, x);
  checkOptions(op, options, OPTIONS);
  const axes = normalizeAxes(op, options.axis, x.rank);
  const shape: number[] = [];
  const keptShape: number[] = [];
  let mask = 0;
  for (let i = 0; i < x.rank; i++) {
    if (axes.includes(i)) {
      mask |= 1 << i;
      keptShape.push(1);
      if (options.keepDims) shape.push(1);
    } else {
      keptShape.push(x.shape[i]!);
      shape.push(x.shape[i]!);
    }
  }
  return { axes: mask, shape, keptShape };
}

const sumOp = defineReduction(
  "sum",
  { backward: ({ grads, attrs, inputShapes }) => [expandTo(reshape(grads[0]!, attrs.keptShape), inputShapes[0]!)] },
  "int32",
);

/**
 * The sum of the elements along `axis`; 0 for none. The sums of integers and bools are int32.
 *
 * @throws ArgumentError for an axis that does not exist or is named twice.
 */
export function sum<D extends DType, R extends number, const O extends ReduceOptions = object>(
  x: Tensor<D, R>,
  options: O & ReduceOptions = {} as O,
): Tensor<Promote<D, "int32">, ReducedRank<R, O>> {
  const attrs = reduction("sum", x, options);
  return reduceNumbers(sumOp, x, attrs) as Tensor<Promote<D, "int32">, ReducedRank<R, O>>;
}

const meanOp = defineReduction(
  "mean",
  {
    backward: ({ grads, attrs, inputShapes }) => {
      const count = sizeOf(inputShapes[0]!) / sizeOf(attrs.keptShape);
      return [expandTo(reshape(mul(grads[0]!, 1 / count), attrs.keptShape), inputShapes[0]!)];
    },
  },
  "float32",
);

/**
 * The mean of the elements along `axis`; NaN for none. Integers and bools give float32.
 *
 * @throws ArgumentError for an axis that does not exist or is named twice.
 */
export function mean<D extends DType, R extends number, const O extends ReduceOptions = object>(
  x: Tensor<D, R>,
  options: O & ReduceOptions = {} as O,
): Tensor<FloatOf<D>, ReducedRank<R, O>> {
  const attrs = reduction("mean", x, options);
  return reduceNumbers(meanOp, x, attrs) as Tensor<FloatOf<D>, ReducedRank<R, O>>;
}

const prodOp = defineReduction(
  "prod",
  {
    save: { inputs: [0] },
    backward: ({ grads, inputs, attrs }) => [prodGrad(inputs[0]!, reshape(grads[0]!, attrs.keptShape), attrs)],
  },
  "int32",
);

/**
 * `g` times the product of the other elements: no division, so that zeros do no harm, and made of products and views
 * only, so that it can be differentiated again. Elements are multiplied in pairs, pairs of pairs and so on; then each
 * product hands what is beside it down to its two factors.
 */
function prodGrad(x: Tensor, g: Tensor, { keptShape }: Reduction): Tensor {
  if (x.size === 0) return zeros(x.shape, { dtype: x.dtype, device: x.device });
  const axes = x.shape.map((_, axis) => axis);
  const isReduced = (axis: number): boolean => keptShape[axis] !== x.shape[axis];
  const order = [...axes.filter((axis) => !isReduced(axis)), ...axes.filter(isReduced)];
  const moved = permute(x, order);
  const rows = sizeOf(keptShape);
  const columns = x.size / rows;
  const levels = [onesUpToPowerOfTwo(reshape(moved, [rows, columns]))];
  for (let size = levels[0]!.shape[1]!; size > 1; size /= 2) {
    const pairs = levels.at(-1)!;
    levels.push(mul(slice(pairs, [null, [0, size / 2]]), slice(pairs, [null, [size / 2]])));
  }
  levels.pop();
  let others = reshape(permute(g, order), [rows, 1]);
  for (const factors of levels.reverse()) {
    const half = others.shape[1]!;
    const exchanged = slice(reshape(factors, [rows, 2, half]), [null, [null, null, -1]]);
    others = reshape(mul(expandDims(others, 1), exchanged), [rows, 2 * half]);
  }
  const result = reshape(slice(others, [null, [0, columns]]), moved.shape);
  const inverse = axes.map((axis) => order.indexOf(axis));
  return permute(result, inverse);
}

/** Rows with as many ones behind them as are missing from a power of two. */
function onesUpToPowerOfTwo(rows: Tensor): Tensor {
  const columns = rows.shape[1]!;
  const size = 2 ** Math.ceil(Math.log2(columns));
  if (size === columns) return rows;
  const places = arange(size, { dtype: "int32", device: rows.device });
  return where(less(places, columns), gather(rows, minimum(places, columns - 1), 1), 1);
}

/**
 * The product of the elements along `axis`; 1 for none. The products of integers and bools are int32 and wrap. The
 * gradient holds for zeros too: it is the product of the other elements.
 *
 * @throws ArgumentError for an axis that does not exist or is named twice.
 */
export function prod<D extends DType, R extends number, const O extends ReduceOptions = object>(
  x: Tensor<D, R>,
  options: O & ReduceOptions = {} as O,
): Tensor<Promote<D, "int32">, ReducedRank<R, O>> {
  const attrs = reduction("prod", x, options);
  return reduceNumbers(prodOp, x, attrs) as Tensor<Promote<D, "int32">, ReducedRank<R, O>>;
}

const allOp = defineReduction("all", { backward: null });
const anyOp = defineReduction("any", { backward: null });

/**
 * Whether all elements along `axis` are true, that is, other than 0; true for none. NaN is true (NumPy).
 *
 * @throws ArgumentError for an axis that does not exist or is named twice.
 */
export function all<R extends number, const O extends ReduceOptions = object>(
  x: Tensor<DType, R>,
  options: O & ReduceOptions = {} as O,
): Tensor<"bool", ReducedRank<R, O>> {
  return reduceTruth("all", allOp, x, options) as Tensor<"bool", ReducedRank<R, O>>;
}

/** Whether any element along `axis` is true; false for none. Otherwise like {@link all}. */
export function any<R extends number, const O extends ReduceOptions = object>(
  x: Tensor<DType, R>,
  options: O & ReduceOptions = {} as O,
): Tensor<"bool", ReducedRank<R, O>> {
  return reduceTruth("any", anyOp, x, options) as Tensor<"bool", ReducedRank<R, O>>;
}

function reduceTruth(name: string, op: Op<Reduction>, x: Tensor, options: ReduceOptions): Tensor {
  const attrs = reduction(name, x, options);
  const truth = x.dtype === "bool" ? x : cast(x, "bool");
  const result = op([truth], attrs)[0]!;
  if (truth !== x) truth.dispose();
  return result;
}

const extremum: Pick<OpDefinition<Reduction>, "backward" | "save"> = {
  save: { inputs: [0], outputs: [0] },
  backward: ({ grads, attrs, inputs, outputs }) => {
    const x = inputs[0]!;
    const isExtremum = cast(equal(x, expandTo(reshape(outputs[0]!, attrs.keptShape), x.shape)), x.dtype);
    const ties = sumOp([isExtremum], { ...attrs, shape: attrs.keptShape })[0]!;
    return [mul(isExtremum, div(reshape(grads[0]!, attrs.keptShape), ties))];
  },
};

const maxOp = defineReduction("max", extremum);
const minOp = defineReduction("min", extremum);

/**
 * The largest element along `axis`; NaN wins. Equal elements share the gradient.
 *
 * @throws ArgumentError for an axis that does not exist or is named twice. @throws ShapeError when there is no element.
 */
export function max<D extends DType, R extends number, const O extends ReduceOptions = object>(
  x: Tensor<D, R>,
  options: O & ReduceOptions = {} as O,
): Tensor<D, ReducedRank<R, O>> {
  return extremumOf("max", maxOp, x, options) as Tensor<D, ReducedRank<R, O>>;
}

/** The smallest element along `axis`; otherwise like {@link max}. */
export function min<D extends DType, R extends number, const O extends ReduceOptions = object>(
  x: Tensor<D, R>,
  options: O & ReduceOptions = {} as O,
): Tensor<D, ReducedRank<R, O>> {
  return extremumOf("min", minOp, x, options) as Tensor<D, ReducedRank<R, O>>;
}

function extremumOf<D extends DType>(name: string, op: Op<Reduction>, x: Tensor<D>, options: ReduceOptions): Tensor<D> {
  const attrs = reduction(name, x, options);
  if (x.size === 0 && sizeOf(attrs.keptShape) > 0) throw noElement(name, x.shape);
  const result = reduceNumbers(op, x, attrs);
  if (result.dtype === x.dtype) return result as Tensor<D>;
  const choice = cast(result, x.dtype);
  result.dispose();
  return choice;
}

/** The kernels' dtype for the elements of x: bools are reduced as 0 and 1, halves as float32. */
function reducible(dtype: DType): DType {
  return dtype === "bool" ? "uint8" : isHalf(dtype) ? "float32" : dtype;
}

function reduceNumbers(op: Op<Reduction>, x: Tensor, attrs: Reduction): Tensor {
  const dtype = reducible(x.dtype);
  if (dtype === x.dtype) return op([x], attrs)[0]!;
  const numbers = cast(x, dtype);
  const result = op([numbers], attrs)[0]!;
  numbers.dispose();
  return result;
}

function noElement(op: string, shape: Shape): ShapeError {
  return new ShapeError(`${op}: there is no element to choose: the shape is ${formatShape(shape)}`);
}

function defineArgReduction(name: string): Op<{ axis: number; shape: Shape }> {
  return defineOp<{ axis: number; shape: Shape }>({
    name,
    infer: (_, { shape }) => [{ shape, dtype: "int32" }],
    encode: ({ axis }) => [axis],
    contiguous: true,
    backward: null,
  });
}

const argMaxOp = defineArgReduction("argMax");
const argMinOp = defineArgReduction("argMin");

/**
 * The place of the largest element along `axis` as int32, or in the flattened tensor; the first of equal ones, and
 * NaN wins (NumPy).
 *
 * @throws ArgumentError for an axis that does not exist. @throws ShapeError when there is no element.
 */
export function argMax<R extends number, const O extends ArgReduceOptions = object>(
  x: Tensor<DType, R>,
  options: O & ArgReduceOptions = {} as O,
): Tensor<"int32", ReducedRank<R, O>> {
  return argReduce("argMax", argMaxOp, x, options) as Tensor<"int32", ReducedRank<R, O>>;
}

/** The place of the smallest element; otherwise like {@link argMax}. */
export function argMin<R extends number, const O extends ArgReduceOptions = object>(
  x: Tensor<DType, R>,
  options: O & ArgReduceOptions = {} as O,
): Tensor<"int32", ReducedRank<R, O>> {
  return argReduce("argMin", argMinOp, x, options) as Tensor<"int32", ReducedRank<R, O>>;
}

function argReduce(
  name: string,
  op: Op<{ axis: number; shape: Shape }>,
  given: Tensor,
  options: ArgReduceOptions,
): Tensor<"int32"> {
  checkTensor(name, given);
  checkOptions(name, options, OPTIONS);
  if (!isHalf(given.dtype)) return searchNumbers(name, op, given, options);
  const numbers = cast(given, "float32");
  const result = searchNumbers(name, op, numbers, options);
  numbers.dispose();
  return result;
}

function searchNumbers(
  name: string,
  op: Op<{ axis: number; shape: Shape }>,
  x: Tensor,
  options: ArgReduceOptions,
): Tensor<"int32"> {
  const { axis, keepDims = false } = options;
  if (axis === undefined || axis === null) {
    if (x.size === 0) throw noElement(name, x.shape);
    const flat = reshape(x, [-1]);
    const shape = keepDims ? x.shape.map(() => 1) : [];
    const result = op([flat], { axis: 0, shape })[0]! as Tensor<"int32">;
    flat.dispose();
    return result;
  }
  const place = normalizeAxis(name, axis, x.rank);
  const shape = keepDims ? x.shape.with(place, 1) : x.shape.toSpliced(place, 1);
  if (x.shape[place] === 0 && sizeOf(shape) > 0) throw noElement(name, x.shape);
  return op([x], { axis: place, shape })[0]! as Tensor<"int32">;
}

/** @internal The gradient of a broadcast: sums the axes along which `shape` was repeated to become `x.shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const missing = x.rank - shape.length;
  let axes = 0;
  const keptShape = x.shape.map((size, i) => {
    if (i >= missing && shape[i - missing] === size) return size;
    axes |= 1 << i;
    return 1;
  });
  return sumOp([x], { axes, shape, keptShape })[0]!;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link sum}. */
    sum<const O extends ReduceOptions = object>(
      options?: O & ReduceOptions,
    ): Tensor<Promote<D, "int32">, ReducedRank<R, O>>;
    /** See {@link mean}. */
    mean<const O extends ReduceOptions = object>(options?: O & ReduceOptions): Tensor<FloatOf<D>, ReducedRank<R, O>>;
    /** See {@link prod}. */
    prod<const O extends ReduceOptions = object>(
      options?: O & ReduceOptions,
    ): Tensor<Promote<D, "int32">, ReducedRank<R, O>>;
    /** See {@link all}. */
    all<const O extends ReduceOptions = object>(options?: O & ReduceOptions): Tensor<"bool", ReducedRank<R, O>>;
    /** See {@link any}. */
    any<const O extends ReduceOptions = object>(options?: O & ReduceOptions): Tensor<"bool", ReducedRank<R, O>>;
    /** See {@link max}. */
    max<const O extends ReduceOptions = object>(options?: O & ReduceOptions): Tensor<D, ReducedRank<R, O>>;
    /** See {@link min}. */
    min<const O extends ReduceOptions = object>(options?: O & ReduceOptions): Tensor<D, ReducedRank<R, O>>;
    /** See {@link argMax}. */
    argMax<const O extends ArgReduceOptions = object>(
      options?: O & ArgReduceOptions,
    ): Tensor<"int32", ReducedRank<R, O>>;
    /** See {@link argMin}. */
    argMin<const O extends ArgReduceOptions = object>(
      options?: O & ArgReduceOptions,
    ): Tensor<"int32", ReducedRank<R, O>>;
  }
}
addMethod("sum", sum);
addMethod("mean", mean);
addMethod("prod", prod);
addMethod("all", all);
addMethod("any", any);
addMethod("max", max);
addMethod("min", min);
addMethod("argMax", argMax);
addMethod("argMin", argMin);
