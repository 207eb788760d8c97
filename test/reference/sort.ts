import type { SortOptions } from "nabla";
import { get, nd, place, type Nd } from "./nd.js";

/** NaN is the greatest; equal elements keep their order. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The places of the first `k` elements in order. */
function order(x: Nd, given: number, descending: boolean, k?: number): Nd {
  const axis = given < 0 ? given + x.shape.length : given;
  const orders = new Map<number, number[]>();
  return nd(x.shape.with(axis, k ?? x.shape[axis]!), (index) => {
    const row = place(x.shape, index.with(axis, 0));
    let places = orders.get(row);
    if (!places) {
      const values = Array.from({ length: x.shape[axis]! }, (_, i) => get(x, index.with(axis, i)));
      places = Array.from(values.keys());
      places.sort((i, j) => (descending ? compare(values[j]!, values[i]!) : compare(values[i]!, values[j]!)));
      orders.set(row, places);
    }
    return places[index[axis]!]!;
  });
}

function pick(x: Nd, places: Nd, given: number): Nd {
  const axis = given < 0 ? given + x.shape.length : given;
  return nd(places.shape, (index) => get(x, index.with(axis, get(places, index))));
}

export function argSort([x]: readonly Nd[], { axis = -1, descending = false }: SortOptions): Nd {
  return order(x!, axis, descending);
}

export function sort(inputs: readonly Nd[], options: SortOptions): Nd {
  return pick(inputs[0]!, argSort(inputs, options), options.axis ?? -1);
}

export function topKIndices([x]: readonly Nd[], { k, axis = -1 }: { k: number; axis?: number }): Nd {
  return order(x!, axis, true, k);
}

export function topKValues(inputs: readonly Nd[], attrs: { k: number; axis?: number }): Nd {
  return pick(inputs[0]!, topKIndices(inputs, attrs), attrs.axis ?? -1);
}
