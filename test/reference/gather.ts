import { get, indices as every, nd, place, type Nd } from "./nd.js";

interface Attributes {
  readonly indices: readonly number[];
  readonly shape: readonly number[];
  readonly axis: number;
}

/** The index in x that belongs to an index of the result. */
function source(x: Nd, index: readonly number[], { indices, shape, axis }: Attributes): number[] {
  const at = axis < 0 ? axis + x.shape.length : axis;
  const chosen = indices[place(shape, index.slice(at, at + shape.length))]!;
  return [...index.slice(0, at), chosen < 0 ? chosen + x.shape[at]! : chosen, ...index.slice(at + shape.length)];
}

export function gather([x]: readonly Nd[], attrs: Attributes): Nd {
  const axis = attrs.axis < 0 ? attrs.axis + x!.shape.length : attrs.axis;
  return nd(x!.shape.toSpliced(axis, 1, ...attrs.shape), (index) => get(x!, source(x!, index, attrs)));
}

export function scatterAdd([x, updates]: readonly Nd[], attrs: Attributes): Nd {
  const data = new Float64Array(x!.data);
  for (const index of every(updates!.shape)) {
    data[place(x!.shape, source(x!, index, attrs))]! += get(updates!, index);
  }
  return { shape: x!.shape, data };
}
