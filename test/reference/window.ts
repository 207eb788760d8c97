import type { Padding } from "nabla";

type Pair = readonly [number, number];

export function pair(value: number | Pair): Pair {
  return typeof value === "number" ? [value, value] : value;
}

export function outputSize(padded: number, size: number, stride: number, dilation: number): number {
  let places = 0;
  while (places * stride + (size - 1) * dilation < padded) places++;
  return places;
}

/** [[top, bottom], [left, right]]. "same" is TensorFlow's: ceil(n / stride) places, the odd pixel at the end. */
export function pads(padding: Padding, image: Pair, size: Pair, strides: Pair, dilation: Pair): readonly [Pair, Pair] {
  if (padding === "valid")
    return [
      [0, 0],
      [0, 0],
    ];
  if (typeof padding === "number")
    return [
      [padding, padding],
      [padding, padding],
    ];
  if (padding !== "same") return padding;
  const side = (n: number, k: number, s: number, d: number): Pair => {
    const wanted = Math.ceil(n / s);
    for (let total = 0; ; total++) {
      if (outputSize(n + total, k, s, d) >= wanted) return [Math.floor(total / 2), total - Math.floor(total / 2)];
    }
  };
  return [side(image[0], size[0], strides[0], dilation[0]), side(image[1], size[1], strides[1], dilation[1])];
}
