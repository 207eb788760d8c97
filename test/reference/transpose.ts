import { get, nd, type Nd } from "./nd.js";

export function transpose([x]: readonly Nd[], axes?: readonly number[]): Nd {
  const rank = x!.shape.length;
  const order = axes?.map((axis) => (axis + rank) % rank) ?? x!.shape.map((_, i) => rank - 1 - i);
  const source: number[] = [];
  return nd(
    order.map((axis) => x!.shape[axis]!),
    (index) => {
      order.forEach((axis, place) => (source[axis] = index[place]!));
      return get(x!, source);
    },
  );
}
