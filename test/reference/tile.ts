import type { TileAttributes } from "../cases/tile.js";
import { get, nd, type Nd } from "./nd.js";

export function tile([x]: readonly Nd[], { op, count, axis }: TileAttributes): Nd {
  return op === "tile" ? tiled(x!, [count].flat() as number[]) : repeated(x!, count, axis);
}

function tiled(x: Nd, reps: readonly number[]): Nd {
  const rank = Math.max(x.shape.length, reps.length);
  const shape = [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape];
  const counts = [...new Array<number>(rank - reps.length).fill(1), ...reps];
  const full: Nd = { shape, data: x.data };
  return nd(
    shape.map((size, i) => size * counts[i]!),
    (index) =>
      get(
        full,
        index.map((at, i) => at % shape[i]!),
      ),
  );
}

function repeated(given: Nd, count: number | readonly number[], axis?: number): Nd {
  const x = axis === undefined ? { shape: [given.data.length], data: given.data } : given;
  const place = axis === undefined ? 0 : axis < 0 ? axis + x.shape.length : axis;
  const sources: number[] = [];
  for (let i = 0; i < x.shape[place]!; i++) {
    const times = typeof count === "number" ? count : count[i]!;
    for (let k = 0; k < times; k++) sources.push(i);
  }
  return nd(x.shape.with(place, sources.length), (index) => get(x, index.with(place, sources[index[place]!]!)));
}
