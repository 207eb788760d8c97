import { indices, place, type Nd } from "./nd.js";

/** `target` with `source` at every second row from the first. */
export function assignRows(target: Nd, source: Nd): Float64Array {
  const data = new Float64Array(target.data);
  for (const index of indices(source.shape)) {
    data[place(target.shape, [2 * index[0]!, ...index.slice(1)])] = source.data[place(source.shape, index)]!;
  }
  return data;
}
