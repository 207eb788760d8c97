import type { Tensor } from "nabla";
import { permute, slice, tensor, type DType } from "nabla";
import { count, indices, place, type Nd } from "../reference/nd.js";

/** A tensor of the given elements that lies in memory in some way, and the tensor without view behind it. */
export interface Laid {
  readonly view: Tensor;
  /** Contiguous; the view was made from it by `look`. */
  readonly base: Tensor;
  readonly look: (base: Tensor) => Tensor;
}

/** A way to lay out elements; null when the shape has no such layout. */
export type Layout = (values: Nd, dtype: DType) => Laid | null;

function make(data: Float64Array, shape: readonly number[], dtype: DType, look: (base: Tensor) => Tensor): Laid {
  const base = tensor(data, { shape, dtype });
  return { base, look, view: look(base) };
}

/** Row-major without gaps. */
export function contiguous({ data, shape }: Nd, dtype: DType): Laid {
  return make(data, shape, dtype, (base) => base);
}

/** Column-major, as transpose() leaves it. */
const transposed: Layout = ({ data, shape }, dtype) => {
  if (shape.length < 2) return null;
  const axes = shape.map((_, i) => shape.length - 1 - i);
  const reversedShape = [...shape].reverse();
  const reversed = new Float64Array(data.length);
  for (const index of indices(shape)) reversed[place(reversedShape, [...index].reverse())] = data[place(shape, index)]!;
  return make(reversed, reversedShape, dtype, (base) => permute(base, axes));
};

/** The other way round along every axis, as slices with step -1 leave it. */
const backwards: Layout = ({ data, shape }, dtype) => {
  if (shape.length === 0) return null;
  const flipped = new Float64Array(data).reverse();
  return make(flipped, shape, dtype, (base) =>
    slice(
      base,
      shape.map(() => [null, null, -1]),
    ),
  );
};

/** Every second element of a tensor that is larger on all sides, filled with a number that would be noticed. */
const stepped: Layout = ({ data, shape }, dtype) => {
  if (shape.length === 0) return null;
  const larger = shape.map((size) => 2 * size + 2);
  if (count(larger) > 200_000) return null;
  const spread = new Float64Array(count(larger)).fill(dtype === "uint8" || dtype === "bool" ? 1 : 77);
  for (const index of indices(shape))
    spread[
      place(
        larger,
        index.map((i) => 2 * i + 1),
      )
    ] = data[place(shape, index)]!;
  return make(spread, larger, dtype, (base) =>
    slice(
      base,
      shape.map((size) => [1, 1 + 2 * size, 2]),
    ),
  );
};

export const layouts: Readonly<Record<string, Layout>> = { contiguous, transposed, backwards, stepped };
