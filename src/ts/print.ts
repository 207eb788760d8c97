import { inspect } from "node:util";
import { formatElements, type Elements } from "./format.js";
import { slice, type SliceRange } from "./ops/slice.js";
import { formatShape, sizeOf } from "./shape.js";
import { withRecording } from "./tape.js";
import { Tensor } from "./tensor.js";

/** Of a tensor with more elements than this, only those at the edges are shown. */
const MOST_SHOWN = 1000;
/** So many at each end of an axis. */
const EDGE = 3;

/** Dtype, shape and device, then the values. Waits for them. */
function format(x: Tensor): string {
  const head = headOf(x);
  if (x.disposed) return `${head} (disposed)`;
  const values = formatElements(withRecording(false, () => readShown(x)));
  return head + (values.includes("\n") ? "\n" : " ") + values;
}

function headOf(x: Tensor): string {
  return `Tensor ${x.dtype} ${formatShape(x.shape)} ${x.device}`;
}

/** The elements that are shown: of a large tensor only its edges are read. */
function readShown(x: Tensor): Elements {
  const { dtype, shape } = x;
  const cut = shape.map((size) => x.size > MOST_SHOWN && size > 2 * EDGE);
  const shown = shape.map((size, axis) => (cut[axis] ? 2 * EDGE : size));
  if (!cut.includes(true)) return { dtype, shape: shown, cut, data: x.dataSync() };
  const data = new Array<number>(sizeOf(shown));
  const ranges: SliceRange[] = shape.map(() => null);
  // One part for each choice of an end of every axis that is cut; `at` is where the part's first element is shown.
  const readPart = (axis: number, at: number): void => {
    if (axis === shape.length) {
      const part = slice(x, ranges);
      copyPart(part, data, at, shown);
      part.dispose();
      return;
    }
    const next = at * shown[axis]!;
    if (!cut[axis]) return readPart(axis + 1, next);
    ranges[axis] = [0, EDGE];
    readPart(axis + 1, next);
    ranges[axis] = [-EDGE];
    readPart(axis + 1, next + EDGE);
    ranges[axis] = null;
  };
  readPart(0, 0);
  return { dtype, shape: shown, cut, data };
}

/** Writes a part of the shown elements to its place in `data`. */
function copyPart(part: Tensor, data: number[], first: number, shown: readonly number[]): void {
  const elements = part.dataSync();
  for (let i = 0; i < elements.length; i++) {
    let rest = i;
    let at = first;
    let stride = 1;
    for (let axis = shown.length - 1; axis >= 0; axis--) {
      const size = part.shape[axis]!;
      at += (rest % size) * stride;
      rest = Math.floor(rest / size);
      stride *= shown[axis]!;
    }
    data[at] = elements[i]!;
  }
}

/** What `console.log(tensor)` shows. */
function print(this: Tensor, depth: number): string {
  return depth < 0 ? `${headOf(this)} (${this.size} elements)` : format(this);
}

declare module "./tensor.js" {
  interface Tensor {
    /**
     * What `console.log` shows: dtype, shape and device, then the values as NumPy prints them. Waits for the values; of a
     * tensor with more than 1000 elements only three at each end of an axis are read and shown.
     */
    toString(): string;
  }
}

for (const [key, value] of [
  [inspect.custom, print],
  [
    "toString",
    function (this: Tensor): string {
      return format(this);
    },
  ],
] as const) {
  Object.defineProperty(Tensor.prototype, key, { value, writable: true, configurable: true });
}
