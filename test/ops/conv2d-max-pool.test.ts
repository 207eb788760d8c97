// conv2d with `maxPool` against maxPool2d(conv2d(...)): the same bits, in less memory.
import { describe, expect, test } from "vitest";
import { conv2d, maxPool2d, memory, noGrad, tensor, type Conv2dOptions, type Tensor } from "nabla";

type Shape = readonly number[];
type Pool = NonNullable<Conv2dOptions["maxPool"]>;

/** Numbers in [-1, 1) from a small generator; with `levels`, so few different ones that maxima are met twice. */
function numbers(shape: Shape, seed: number, levels?: number): Float64Array {
  let state = seed * 7919 + 1;
  return Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    const value = state / 2 ** 30 - 1;
    return levels ? Math.round(value * levels) : value;
  });
}

interface Row {
  readonly x: Shape;
  readonly kernel: Shape;
  readonly options?: Conv2dOptions;
  readonly pool?: Pool;
}

const rows: Row[] = [
  { x: [33, 28, 28, 1], kernel: [3, 3, 1, 32], options: { activation: "relu" } },
  { x: [33, 13, 13, 32], kernel: [3, 3, 32, 64], options: { activation: "relu" } },
  { x: [1, 112, 113, 3], kernel: [3, 3, 3, 96], options: { activation: "tanh", padding: "same" } },
  { x: [2, 9, 11, 2], kernel: [3, 3, 2, 257], options: { dilationRate: 2 }, pool: { poolSize: [2, 3] } },
  { x: [2, 12, 9, 4], kernel: [3, 3, 2, 6], options: { groups: 2, activation: "sigmoid" }, pool: { poolSize: 3 } },
  { x: [3, 8, 8, 5], kernel: [1, 1, 5, 7], pool: { poolSize: 3, strides: 2, padding: "same" } },
  { x: [1, 3, 3, 2], kernel: [3, 3, 2, 3], pool: { poolSize: 1 } },
  { x: [0, 8, 8, 2], kernel: [3, 3, 2, 3] },
  { x: [2, 3, 10, 10], kernel: [3, 3, 3, 4], options: { dataFormat: "channelsFirst" } },
];

const bits = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

describe.each(["float32", "float64"] as const)("%s: the bits of the ops one after another", (dtype) => {
  const make = (row: Row, levels?: number, strided = false) => {
    const leaf = (shape: Shape, seed: number): Tensor => {
      const values = tensor(numbers(shape, seed, levels), { shape: [...shape], dtype });
      values.requiresGrad = true;
      return values;
    };
    const x = leaf(row.x, 1);
    const operands = [x, leaf(row.kernel, 2), leaf([row.kernel[3]!], 3)] as const;
    return { operands, image: strided ? x.transpose([0, 2, 1, 3]) : x };
  };

  function expectSame(row: Row, levels?: number, strided = false): void {
    const { options = {}, pool = { poolSize: 2 } } = row;
    const fused = make(row, levels, strided);
    const apart = make(row, levels, strided);
    const y = conv2d(fused.image, fused.operands[1], { ...options, bias: fused.operands[2], maxPool: pool });
    const z = maxPool2d(conv2d(apart.image, apart.operands[1], { ...options, bias: apart.operands[2] }), {
      ...pool,
      dataFormat: options.dataFormat ?? "channelsLast",
    });
    expect(y.shape).toEqual(z.shape);
    const same = (a: Tensor, b: Tensor): boolean => Buffer.compare(bits(a.dataSync()), bits(b.dataSync())) === 0;
    expect(same(y, z), "result").toBe(true);
    const dy = tensor(numbers(y.shape, 4), { shape: y.shape, dtype });
    y.backward(dy);
    z.backward(dy);
    expect(same(fused.operands[0].grad!, apart.operands[0].grad!), "input gradient").toBe(true);
    expect(same(fused.operands[1].grad!, apart.operands[1].grad!), "kernel gradient").toBe(true);
    // The bias gradient sums fewer numbers, in another order: rounding relative to the sum of magnitudes.
    const [got, want] = [fused.operands[2].grad!.dataSync(), apart.operands[2].grad!.dataSync()];
    const tolerance = (dtype === "float32" ? 1e-6 : 1e-14) * Math.max(1, y.size / got.length);
    got.forEach((value, i) => expect(Math.abs(Number(value) - Number(want[i]))).toBeLessThanOrEqual(tolerance));
  }

  test.each(rows)("$x by $kernel $options $pool", (row) => expectSame(row));
  test.each(rows.slice(1, 6))("with equal maxima: $x by $kernel", (row) => expectSame(row, 1));
  test.each(rows.slice(1, 6))("transposed images: $x by $kernel", (row) => expectSame(row, undefined, true));
});

test("NaN wins, and the first of equal maxima takes the gradient", () => {
  const kernel = tensor([1], { shape: [1, 1, 1, 1] });
  const x = tensor([1, NaN, 3, 3, 5, NaN, 3, 2], { shape: [1, 2, 4, 1], requiresGrad: true });
  const y = conv2d(x, kernel, { maxPool: {} });
  expect(y.flatten().toArraySync()).toEqual([NaN, 3]);
  y.backward(tensor([7, 9], { shape: [1, 1, 2, 1] }));
  expect(x.grad!.flatten().toArraySync()).toEqual([0, 7, 9, 0, 0, 0, 0, 0]);
});

test("only the gradients that are wanted", () => {
  const image = tensor([1, 2, 3, 4], { shape: [1, 2, 2, 1] });
  const kernel = tensor([2], { shape: [1, 1, 1, 1], requiresGrad: true });
  const bias = tensor([0], { requiresGrad: true });
  conv2d(image, kernel, { maxPool: {} }).sum().backward();
  expect([kernel.grad!.itemSync(), image.grad]).toEqual([4, null]);
  conv2d(image, kernel.detach(), { bias, maxPool: {} }).sum().backward();
  expect(bias.grad!.itemSync()).toBe(1);
});

test("nothing of the convolution's size stays in memory", () => {
  const x = tensor(new Float32Array(8 * 66 * 66), { shape: [8, 66, 66, 1] });
  const kernel = tensor(new Float32Array(9 * 32), { shape: [3, 3, 1, 32], requiresGrad: true });
  const full = 8 * 64 * 64 * 32 * 4;
  const before = memory();
  const apart = maxPool2d(conv2d(x, kernel, { activation: "relu" }));
  apart.sum().itemSync();
  expect(memory().bytes - before.bytes).toBeGreaterThan(full);
  apart.sum().backward();
  for (const result of [apart, kernel.grad!]) result.dispose();
  kernel.grad = null;

  const start = memory();
  const y = conv2d(x, kernel, { activation: "relu", maxPool: {} });
  y.sum().itemSync();
  // The pooled elements, a quarter, and a byte for the place of each.
  expect(memory().bytes - start.bytes).toBeLessThan(0.35 * full);
  const pooled = noGrad(() => conv2d(x, kernel, { activation: "relu", maxPool: {} }));
  expect(pooled.shape).toEqual([8, 32, 32, 32]);
});

test.each([
  [{ maxPool: 2 }, "maxPool2d: the options are not an object: 2"],
  [{ maxPool: { size: 2 } }, 'maxPool2d: unknown option: "size"'],
  [{ maxPool: { dataFormat: "channelsLast" } }, 'maxPool2d: unknown option: "dataFormat"'],
  [{ maxPool: { poolSize: 0 } }, "maxPool2d: poolSize is out of range: 0"],
  [{ maxPool: { padding: "full" } }, 'maxPool2d: unknown padding: "full"'],
  [
    { maxPool: { poolSize: 4 } },
    "maxPool2d: the window is larger than the image: a window of [4,4] on an image of [3,3]",
  ],
  [{ maxPool: { poolSize: 2, padding: 2 } }, "maxPool2d: a window lies in the padding alone"],
])("%j", (options, message) => {
  const [x, kernel] = [
    tensor(new Float32Array(25), { shape: [1, 5, 5, 1] }),
    tensor(new Float32Array(9), { shape: [3, 3, 1, 1] }),
  ];
  expect(() => conv2d(x, kernel, options as object)).toThrow(message);
});
