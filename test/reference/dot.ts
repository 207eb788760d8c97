import { get, nd, type Nd } from "./nd.js";

/** Over the last axis of a and the last but one of b, as NumPy says. */
export function dot([a, b]: readonly Nd[]): Nd {
  const left = a!.shape.slice(0, -1);
  const axis = Math.max(0, b!.shape.length - 2);
  return nd([...left, ...b!.shape.toSpliced(axis, 1)], (index) => {
    let sum = 0;
    for (let k = 0; k < a!.shape.at(-1)!; k++) {
      const right = index.slice(left.length).toSpliced(axis, 0, k);
      sum += get(a!, [...index.slice(0, left.length), k]) * get(b!, right);
    }
    return sum;
  });
}

export function outer([a, b]: readonly Nd[]): Nd {
  return nd([a!.data.length, b!.data.length], ([i, j]) => a!.data[i!]! * b!.data[j!]!);
}
