import { checkBoolean, checkOptions } from "../checks.js";
import type { DType } from "../dtype.js";
import { ArgumentError, describe } from "../errors.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { formatShape, normalizeAxis, sizeOf } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { add, mul } from "./binary.js";
import { arange } from "./creation.js";
import { gather } from "./gather.js";
import { reshape } from "./reshape.js";
import { swapAxes } from "./transpose.js";

export interface SortOptions {
  /** The axis that is sorted, the last by default. */
  axis?: number;
  /** Whether the greatest comes first. False by default. */
  descending?: boolean;
}

export interface TopKOptions {
  /** The axis that is searched, the last by default. */
  axis?: number;
  /** Whether the result is in order, the greatest first; otherwise any order will do. True by default. */
  sorted?: boolean;
}

/** What {@link topK} gives; both have size `k` along the axis. */
export interface TopKResult<D extends DType = DType, R extends number = number> {
  /** The elements, in the dtype of `x`. */
  values: Tensor<D, R>;
  /** Where they are along the axis, as int32. */
  indices: Tensor<"int32", R>;
}

const argSortOp: Op<{ descending: boolean }> = defineOp({
  name: "argSort",
  infer: ([x]) => [{ shape: x!.shape, dtype: "int32" }],
  encode: ({ descending }) => [Number(descending)],
  contiguous: true,
  backward: null,
});

const topKOp: Op<{ k: number; sorted: boolean }> = defineOp({
  name: "topK",
  infer: ([x], { k }) => [{ shape: x!.shape.with(x!.rank - 1, k), dtype: "int32" }],
  encode: ({ k, sorted }) => [k, Number(sorted)],
  contiguous: true,
  backward: null,
});

/** The elements at places of the last axis. Their gradient goes back to these places. */
function pick(x: Tensor, places: Tensor): Tensor {
  const rows = sizeOf(x.shape.slice(0, -1));
  const made = [reshape(x, [x.size]), arange(rows, { dtype: "int32", device: x.device })];
  const [flat, row] = made as [Tensor, Tensor];
  const first = mul(row, x.shape.at(-1)!);
  const starts = reshape(first, places.shape.with(x.rank - 1, 1));
  const at = add(places, starts);
  const result = gather(flat, at);
  for (const tensor of [...made, first, starts, at]) tensor.dispose();
  return result;
}

/** Runs `fn` with the axis moved to the end and moves it back in the results; `fn`'s input is given back after it. */
function withAxisLast(x: Tensor, axis: number, fn: (x: Tensor) => Tensor[]): Tensor[] {
  if (axis === x.rank - 1) return fn(x);
  const moved = swapAxes(x, axis, -1);
  const results = fn(moved);
  moved.dispose();
  return results.map((result) => {
    const back = swapAxes(result, axis, -1);
    result.dispose();
    return back;
  });
}

function sortArguments(name: string, x: Tensor, options: SortOptions): { axis: number; descending: boolean } {
  checkTensor(name, x);
  checkOptions(name, options, ["axis", "descending"]);
  const descending = checkBoolean(name, "descending", options.descending ?? false);
  return { axis: normalizeAxis(name, options.axis ?? -1, x.rank), descending };
}

/**
 * The elements in order along an axis. Equal ones keep their order, in both directions. NaN counts as the greatest, as
 * in {@link max}: it comes last (NumPy), and first when `descending` (PyTorch). Gradients go to where the elements came from.
 *
 * @throws ArgumentError for an axis that does not exist.
 */
export function sort<D extends DType, R extends number>(x: Tensor<D, R>, options: SortOptions = {}): Tensor<D, R> {
  const { axis, descending } = sortArguments("sort", x as Tensor, options);
  const [values] = withAxisLast(x as Tensor, axis, (last) => {
    const places = argSortOp([last], { descending })[0]!;
    const picked = pick(last, places);
    places.dispose();
    return [picked];
  });
  return values as Tensor<D, R>;
}

/** The places of the elements in the order of {@link sort}, as int32. */
export function argSort<R extends number>(x: Tensor<DType, R>, options: SortOptions = {}): Tensor<"int32", R> {
  const { axis, descending } = sortArguments("argSort", x as Tensor, options);
  return withAxisLast(x as Tensor, axis, (last) => argSortOp([last], { descending }))[0]! as Tensor<"int32", R>;
}

/**
 * The `k` greatest elements along an axis and their places, the greatest first; of equal elements those that come
 * first. NaN counts as the greatest. Gradients go from the values to where they came from.
 *
 * @throws ArgumentError for an axis that does not exist, or a `k` that is not from 0 to the axis' size.
 */
export function topK<D extends DType, R extends number>(
  x: Tensor<D, R>,
  k: number,
  options: TopKOptions = {},
): TopKResult<D, R> {
  checkTensor("topK", x);
  checkOptions("topK", options, ["axis", "sorted"]);
  const sorted = checkBoolean("topK", "sorted", options.sorted ?? true);
  const axis = normalizeAxis("topK", options.axis ?? -1, x.rank);
  if (!Number.isSafeInteger(k) || k < 0 || k > x.shape[axis]!) {
    throw new ArgumentError(
      `topK: k is out of range: ${describe(k)}, expected an integer from 0 to ${x.shape[axis]!}: the shape is ${formatShape(x.shape)}, the axis ${axis}`,
    );
  }
  const [values, indices] = withAxisLast(x as Tensor, axis, (last) => {
    const places = topKOp([last], { k, sorted })[0]!;
    return [pick(last, places), places];
  });
  return { values: values as Tensor<D, R>, indices: indices as Tensor<"int32", R> };
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link sort}. */
    sort(options?: SortOptions): Tensor<D, R>;
    /** See {@link argSort}. */
    argSort(options?: SortOptions): Tensor<"int32", R>;
    /** See {@link topK}. */
    topK(k: number, options?: TopKOptions): TopKResult<D, R>;
  }
}
addMethod("sort", sort);
addMethod("argSort", argSort);
addMethod("topK", topK);
