import type { PadAttributes } from "../cases/pad.js";
import { get, nd, type Nd } from "./nd.js";

/** Walks from the nearest end, as often as needed, until the place is inside. */
function inside(place: number, size: number, mode: PadAttributes["mode"]): number {
  if (mode === "edge" || size === 1) return place < 0 ? 0 : place >= size ? size - 1 : place;
  const shift = mode === "symmetric" ? 1 : 0;
  let at = place;
  while (at < 0 || at >= size) at = at < 0 ? -at - shift : 2 * (size - 1) - at + shift;
  return at;
}

export function pad([x]: readonly Nd[], { widths, mode = "constant", value = 0 }: PadAttributes): Nd {
  const sides = x!.shape.map((_, axis) => (typeof widths === "number" ? [widths, widths] : widths[axis]!));
  return nd(
    x!.shape.map((size, axis) => sides[axis]![0]! + size + sides[axis]![1]!),
    (index) => {
      const places = index.map((at, axis) => at - sides[axis]![0]!);
      if (mode !== "constant")
        return get(
          x!,
          places.map((at, axis) => inside(at, x!.shape[axis]!, mode)),
        );
      return places.every((at, axis) => at >= 0 && at < x!.shape[axis]!) ? get(x!, places) : value;
    },
  );
}
