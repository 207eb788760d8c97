import type { CumSumOptions } from "nabla";
import { get, nd, type Nd } from "./nd.js";

export function cumSum([x]: readonly Nd[], options: CumSumOptions & { axis: number }): Nd {
  const axis = options.axis < 0 ? options.axis + x!.shape.length : options.axis;
  const size = x!.shape[axis]!;
  return nd(x!.shape, (index) => {
    const at = index[axis]!;
    const skip = options.exclusive ? 1 : 0;
    const [from, to] = options.reverse ? [at + skip, size] : [0, at + 1 - skip];
    let sum = 0;
    for (let i = from; i < to; i++) sum += get(x!, index.with(axis, i));
    return sum;
  });
}

/** The same in one pass, for long axes; integers add up exactly in any order. */
export function runningSums([x]: readonly Nd[], options: CumSumOptions & { axis: number }): Nd {
  const size = x!.shape[options.axis]!;
  const inner = x!.shape.slice(options.axis + 1).reduce((a, b) => a * b, 1);
  const data = new Float64Array(x!.data.length);
  for (let start = 0; start < data.length; start += size * inner) {
    for (let column = 0; column < inner; column++) {
      let sum = 0;
      for (let step = 0; step < size; step++) {
        const place = start + (options.reverse ? size - 1 - step : step) * inner + column;
        if (options.exclusive) data[place] = sum;
        sum += x!.data[place]!;
        if (!options.exclusive) data[place] = sum;
      }
    }
  }
  return { shape: x!.shape, data };
}
