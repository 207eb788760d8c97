import { samplePlaces, values } from "../harness/inputs.js";
import { resultSize, type Conv2dParams } from "./conv2dParams.js";

/** Products that the reference of one output may take: a fraction of a second. */
const PRODUCTS = 2e7;

/** Computes every sampled place, or as many of them, evenly spread, as the products of each leave time for. */
export function sampled(length: number, productsEach: number, at: (place: number) => number): (number | null)[] {
  const places = samplePlaces(length);
  const every = Math.ceil((places.length * productsEach) / PRODUCTS);
  return places.map((place, i) => (i % every === 0 ? at(place) : null));
}

/** The indices of a place in an array whose last three dimensions are given. */
export function split(place: number, d1: number, d2: number, d3: number): [number, number, number, number] {
  const third = Math.floor(place / d3);
  const second = Math.floor(third / d2);
  return [Math.floor(second / d1), second % d1, third % d2, place % d3];
}

/** Outputs: y, dw, db, dx, as far as they are asked for. */
export function conv2dReference(params: Conv2dParams): (number | null)[][] {
  const { batch, size, inChannels, outChannels, kernel, stride, pad } = params;
  const side = resultSize(params);
  const x = values(1, batch * size * size * inChannels);
  const w = values(2, kernel * kernel * inChannels * outChannels);
  const b = values(3, outChannels);
  const inside = (i: number): boolean => i >= 0 && i < size;
  const xAt = (n: number, i: number, j: number, c: number): number => x[((n * size + i) * size + j) * inChannels + c]!;
  const wAt = (p: number, q: number, c: number, o: number): number =>
    w[((p * kernel + q) * inChannels + c) * outChannels + o]!;

  const count = batch * side * side * outChannels;
  const y = sampled(count, kernel * kernel * inChannels, (place) => {
    const [n, i, j, o] = split(place, side, side, outChannels);
    let sum = b[o]!;
    for (let p = 0; p < kernel; p++)
      for (let q = 0; q < kernel; q++) {
        const [row, column] = [i * stride + p - pad, j * stride + q - pad];
        if (!inside(row) || !inside(column)) continue;
        for (let c = 0; c < inChannels; c++) sum += xAt(n, row, column, c) * wAt(p, q, c, o);
      }
    return sum;
  });
  if (!params.backward) return [y];

  const dy = values(4, count);
  const dyAt = (n: number, i: number, j: number, o: number): number =>
    dy[((n * side + i) * side + j) * outChannels + o]!;
  const dw = sampled(w.length, batch * side * side, (place) => {
    const [p, q, c, o] = split(place, kernel, inChannels, outChannels);
    let sum = 0;
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < side; i++) {
        const row = i * stride + p - pad;
        if (!inside(row)) continue;
        for (let j = 0; j < side; j++) {
          const column = j * stride + q - pad;
          if (inside(column)) sum += xAt(n, row, column, c) * dyAt(n, i, j, o);
        }
      }
    return sum;
  });
  const db = sampled(outChannels, batch * side * side, (o) => {
    let sum = 0;
    for (let at = o; at < count; at += outChannels) sum += dy[at]!;
    return sum;
  });
  if (!params.inputGradient) return [y, dw, db];

  const dx = sampled(x.length, kernel * kernel * outChannels, (place) => {
    const [n, row, column, c] = split(place, size, size, inChannels);
    let sum = 0;
    for (let p = 0; p < kernel; p++)
      for (let q = 0; q < kernel; q++) {
        const [i, j] = [(row + pad - p) / stride, (column + pad - q) / stride];
        if (!Number.isInteger(i) || !Number.isInteger(j) || i < 0 || j < 0 || i >= side || j >= side) continue;
        for (let o = 0; o < outChannels; o++) sum += dyAt(n, i, j, o) * wAt(p, q, c, o);
      }
    return sum;
  });
  return [y, dw, db, dx];
}
