/** Arrays of float64 for the naive references: any shape, row-major, plain loops. */
export interface Nd {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function nd(shape: readonly number[], value: (index: readonly number[]) => number): Nd {
  const data = new Float64Array(count(shape));
  let at = 0;
  for (const index of indices(shape)) data[at++] = value(index);
  return { shape, data };
}

export function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Every index of a shape, in row-major order. */
export function* indices(shape: readonly number[]): Generator<readonly number[]> {
  if (shape.includes(0)) return;
  const index = shape.map(() => 0);
  for (;;) {
    yield index;
    let axis = shape.length - 1;
    while (axis >= 0 && ++index[axis]! === shape[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

export function place(shape: readonly number[], index: readonly number[]): number {
  let at = 0;
  for (let axis = 0; axis < shape.length; axis++) at = at * shape[axis]! + index[axis]!;
  return at;
}

export function get(x: Nd, index: readonly number[]): number {
  return x.data[place(x.shape, index)]!;
}

/** The element that broadcasting puts at this index of a larger shape. */
export function getBroadcast(x: Nd, index: readonly number[]): number {
  const missing = index.length - x.shape.length;
  let at = 0;
  for (let axis = 0; axis < x.shape.length; axis++) {
    at = at * x.shape[axis]! + (x.shape[axis] === 1 ? 0 : index[missing + axis]!);
  }
  return x.data[at]!;
}

export function broadcastShape(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((shape) => shape[i - rank + shape.length] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}

/** `f` of the elements, with broadcasting. */
export function elementwise(f: (...values: number[]) => number): (inputs: readonly Nd[]) => Nd {
  return (inputs) =>
    nd(broadcastShape(...inputs.map((input) => input.shape)), (index) =>
      f(...inputs.map((input) => getBroadcast(input, index))),
    );
}
