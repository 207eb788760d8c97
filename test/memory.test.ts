import { describe, expect, test } from "vitest";
import * as nabla from "nabla";
import { keep, memory, noGrad, ones, rand, randn, tensor, tidy, zeros, type Tensor } from "nabla";
import { restingTensors, settledTensors } from "./support/leaks.js";

const MB = 2 ** 20;

describe("memory()", () => {
  test("counts what is alive", () => {
    const before = memory();
    const x = zeros([1000]);
    const during = memory();
    expect(during.tensors - before.tensors).toBe(1);
    expect(during.bytes - before.bytes).toBeGreaterThanOrEqual(4000);
    x.dispose();
    expect(memory().tensors).toBe(before.tensors);
    expect(memory().bytes).toBe(before.bytes);
  });
  test("views count once", () => {
    const x = zeros([4, 4]);
    const before = memory().tensors;
    const view = x.transpose();
    expect(memory().tensors).toBe(before);
    x.dispose();
    expect(memory().tensors).toBe(before);
    expect(view.sum().itemSync()).toBe(0);
    view.dispose();
  });
  test("what was released is kept for reuse, up to the peak", () => {
    const x = ones([MB]);
    x.sum().itemSync();
    x.dispose();
    tensor([1]).sum().itemSync();
    const { cachedBytes, peakBytes } = memory();
    expect(cachedBytes).toBeGreaterThanOrEqual(4 * MB);
    expect(peakBytes).toBeGreaterThanOrEqual(cachedBytes);
  });
});

describe("dispose", () => {
  test("twice is once", () => {
    const x = tensor([1]);
    const view = x.reshape([1, 1]);
    x.dispose();
    x.dispose();
    expect(view.itemSync()).toBe(1);
    expect(x.disposed).toBe(true);
    view.dispose();
  });
  test("using", () => {
    const before = memory().tensors;
    {
      using x = tensor([1, 2]);
      using y = x.mul(x);
      expect(memory().tensors).toBe(before + 2);
      expect(y.disposed).toBe(false);
    }
    expect(memory().tensors).toBe(before);
  });
  test("a read that is under way is not disturbed", async () => {
    const x = ones([1000]);
    const data = x.data();
    x.dispose();
    zeros([1000]);
    expect((await data).every((value) => value === 1)).toBe(true);
  });
});

describe("tidy", () => {
  test("keeps what is returned, in arrays and objects too", () => {
    const before = memory().tensors;
    const { a, list } = tidy(() => {
      const x = tensor([1]);
      return { a: x.add(x), list: [x.exp(), { deep: x.neg() }] as const };
    });
    expect(memory().tensors).toBe(before + 3);
    expect([a, list[0], list[1].deep].map((t) => t.itemSync())).toEqual([2, expect.closeTo(Math.E, 5), -1]);
    for (const t of [a, list[0], list[1].deep]) t.dispose();
  });
  test("nested", () => {
    const before = memory().tensors;
    tidy(() => {
      const inner = tidy(() => tensor([1]).exp());
      expect(memory().tensors).toBe(before + 1);
      expect(inner.disposed).toBe(false);
    });
    expect(memory().tensors).toBe(before);
  });
  test("keep", () => {
    const before = memory().tensors;
    let kept: Tensor | undefined;
    tidy(() => {
      kept = keep(tensor([5]).neg());
    });
    expect(memory().tensors).toBe(before + 1);
    expect(kept!.itemSync()).toBe(-5);
    kept!.dispose();
  });
  test("gradients of leaves outlive it", () => {
    const w = tensor([2], { requiresGrad: true });
    tidy(() => w.mul(3).backward());
    expect(w.grad!.itemSync()).toBe(3);
  });
  test("releases after an error", () => {
    const before = memory().tensors;
    expect(() =>
      tidy(() => {
        tensor([1]).add(tensor([1, 2, 3]).reshape([2, 2]));
      }),
    ).toThrow("reshape");
    expect(memory().tensors).toBe(before);
  });
  test("refuses promises", () => {
    expect(() => tidy(async () => tensor([1]))).toThrow(
      "tidy: the function is asynchronous: it returned a promise, expected tensors",
    );
  });
});

describe("an op leaves nothing behind but its result", () => {
  const image = () => rand([1, 4, 4, 2]);
  const matrix = () => rand([3, 3]);
  const calls: Record<string, () => { inputs: Tensor[]; run: (inputs: Tensor[]) => Tensor }> = {
    "add with broadcasting": () => ({ inputs: [matrix(), rand([3])], run: ([a, b]) => a!.add(b!) }),
    "mul by a number": () => ({ inputs: [matrix()], run: ([a]) => a!.mul(2) }),
    promotion: () => ({ inputs: [matrix(), zeros([3], { dtype: "int32" })], run: ([a, b]) => a!.sub(b!) }),
    pow: () => ({ inputs: [matrix(), matrix()], run: ([a, b]) => a!.pow(b!) }),
    maximum: () => ({ inputs: [matrix(), rand([3])], run: ([a, b]) => a!.maximum(b!) }),
    div: () => ({ inputs: [matrix(), matrix()], run: ([a, b]) => a!.div(b!) }),
    "exp of integers": () => ({ inputs: [zeros([3], { dtype: "int32" })], run: ([a]) => a!.exp() }),
    rsqrt: () => ({ inputs: [matrix()], run: ([a]) => a!.rsqrt() }),
    clip: () => ({ inputs: [matrix()], run: ([a]) => a!.clip(0, 1) }),
    erf: () => ({ inputs: [matrix()], run: ([a]) => a!.erf() }),
    gelu: () => ({ inputs: [matrix()], run: ([a]) => a!.gelu() }),
    "elu of integers": () => ({ inputs: [zeros([3], { dtype: "int32" })], run: ([a]) => a!.elu() }),
    "sum of bools": () => ({ inputs: [zeros([3], { dtype: "bool" })], run: ([a]) => a!.sum() }),
    "max of bools": () => ({ inputs: [zeros([3], { dtype: "bool" })], run: ([a]) => a!.max() }),
    max: () => ({ inputs: [matrix()], run: ([a]) => a!.max({ axis: 1 }) }),
    "mean of a view": () => ({ inputs: [matrix()], run: ([a]) => tidy(() => a!.transpose().mean({ axis: 0 })) }),
    "argMax of a view": () => ({ inputs: [matrix()], run: ([a]) => tidy(() => a!.transpose().argMax()) }),
    argMax: () => ({ inputs: [matrix()], run: ([a]) => a!.argMax() }),
    "reshape that copies": () => ({ inputs: [matrix()], run: ([a]) => tidy(() => a!.transpose().reshape([9])) }),
    where: () => ({ inputs: [zeros([3], { dtype: "bool" }), matrix()], run: ([c, a]) => nabla.where(c!, a!, 0) }),
    cast: () => ({ inputs: [matrix()], run: ([a]) => a!.cast("float64") }),
    "gather by numbers": () => ({ inputs: [matrix()], run: ([a]) => a!.gather([0, 2]) }),
    scatterAdd: () => ({ inputs: [matrix(), rand([1, 3])], run: ([a, u]) => a!.scatterAdd([1], u!) }),
    slice: () => ({ inputs: [matrix()], run: ([a]) => a!.slice([[0, 2]]) }),
    index: () => ({ inputs: [matrix()], run: ([a]) => a!.index(0, "newAxis") }),
    concat: () => ({ inputs: [matrix(), matrix()], run: ([a, b]) => nabla.concat([a!, b!], 1) }),
    "concat with promotion": () => ({
      inputs: [matrix(), zeros([1, 3], { dtype: "int32" })],
      run: ([a, b]) => nabla.concat([a!, b!]),
    }),
    stack: () => ({ inputs: [matrix(), matrix()], run: ([a, b]) => nabla.stack([a!, b!]) }),
    split: () => ({ inputs: [matrix()], run: ([a]) => tidy(() => a!.split(3)[1]!) }),
    tile: () => ({ inputs: [matrix()], run: ([a]) => a!.tile([2, 2]) }),
    repeat: () => ({ inputs: [matrix()], run: ([a]) => a!.repeat([1, 2, 0], 1) }),
    pad: () => ({ inputs: [matrix()], run: ([a]) => a!.pad(1) }),
    "pad, reflect": () => ({ inputs: [matrix()], run: ([a]) => a!.pad(1, { mode: "reflect" }) }),
    flip: () => ({ inputs: [matrix()], run: ([a]) => a!.flip() }),
    roll: () => ({ inputs: [matrix()], run: ([a]) => a!.roll(1) }),
    tril: () => ({ inputs: [matrix()], run: ([a]) => a!.tril() }),
    takeAlongAxis: () => ({
      inputs: [matrix(), zeros([3, 1], { dtype: "uint8" })],
      run: ([a, i]) => a!.takeAlongAxis(i!, 1),
    }),
    dot: () => ({ inputs: [rand([3]), rand([3])], run: ([a, b]) => a!.dot(b!) }),
    outer: () => ({ inputs: [rand([3]), rand([3])], run: ([a, b]) => a!.outer(b!) }),
    einsum: () => ({ inputs: [matrix(), rand([3])], run: ([a, b]) => nabla.einsum("ii,i->i", a!, b!) }),
    linspace: () => ({ inputs: [], run: () => nabla.linspace(0, 1, 3) }),
    oneHot: () => ({ inputs: [], run: () => nabla.oneHot([1], 3) }),
    matmul: () => ({
      inputs: [matrix(), matrix(), rand([3])],
      run: ([a, b, bias]) => a!.matmul(b!, { bias: bias!, activation: "relu" }),
    }),
    "matmul of a batch": () => ({ inputs: [rand([2, 3, 3]), matrix()], run: ([a, b]) => a!.matmul(b!) }),
    "matmul of a vector": () => ({ inputs: [rand([3]), matrix()], run: ([a, b]) => a!.matmul(b!) }),
    "matmul with promotion": () => ({
      inputs: [matrix(), rand([3, 3], { dtype: "float64" })],
      run: ([a, b]) => a!.matmul(b!),
    }),
    conv2d: () => ({
      inputs: [image(), rand([3, 3, 2, 2]), rand([2])],
      run: ([x, k, bias]) => x!.conv2d(k!, { bias: bias!, activation: "relu" }),
    }),
    "conv2d, channels first": () => ({
      inputs: [rand([1, 2, 4, 4]), rand([3, 3, 2, 2])],
      run: ([x, k]) => x!.conv2d(k!, { dataFormat: "channelsFirst" }),
    }),
    maxPool2d: () => ({ inputs: [image()], run: ([x]) => x!.maxPool2d() }),
    "maxPool2d, channels first": () => ({
      inputs: [image()],
      run: ([x]) => x!.maxPool2d({ dataFormat: "channelsFirst" }),
    }),
    avgPool2d: () => ({ inputs: [image()], run: ([x]) => x!.avgPool2d() }),
    "globalAvgPool2d, channels first": () => ({
      inputs: [image()],
      run: ([x]) => x!.globalAvgPool2d({ dataFormat: "channelsFirst" }),
    }),
    "conv1d, channels first": () => ({
      inputs: [rand([1, 2, 5]), rand([3, 2, 4], { dtype: "float64" }), rand([4])],
      run: ([x, k, bias]) => x!.conv1d(k!, { bias: bias!, dataFormat: "channelsFirst", padding: "causal" }),
    }),
    depthwiseConv2d: () => ({
      inputs: [image(), rand([3, 3, 2, 2]), rand([4])],
      run: ([x, k, bias]) => x!.depthwiseConv2d(k!, { bias: bias! }),
    }),
    "convTranspose2d, channels first": () => ({
      inputs: [rand([1, 2, 3, 4]), rand([3, 3, 5, 2], { dtype: "float64" }), rand([5])],
      run: ([x, k, bias]) => x!.convTranspose2d(k!, { bias: bias!, dataFormat: "channelsFirst", strides: 2 }),
    }),
    resize2d: () => ({ inputs: [image()], run: ([x]) => x!.resize2d([3, 5]) }),
    "resize2d of integers": () => ({
      inputs: [zeros([1, 2, 4, 4], { dtype: "uint8" })],
      run: ([x]) => x!.resize2d([3, 5], { dataFormat: "channelsFirst" }),
    }),
    "softmax along the first axis": () => ({ inputs: [matrix()], run: ([x]) => x!.softmax(0) }),
    logSoftmax: () => ({ inputs: [matrix()], run: ([x]) => x!.logSoftmax() }),
    softmaxCrossEntropy: () => ({
      inputs: [rand([2, 2, 3]), zeros([2, 2], { dtype: "uint8" })],
      run: ([x, y]) => x!.softmaxCrossEntropy(y!, { reduction: "none" }),
    }),
    dropout: () => ({ inputs: [matrix()], run: ([x]) => x!.dropout(0.5) }),
    eye: () => ({ inputs: [], run: () => nabla.eye(3) }),
    randint: () => ({ inputs: [], run: () => nabla.randint([3], { high: 5 }) }),
  };
  test.each(Object.entries(calls))("%s", (_, make) => {
    for (const { inputs, run } of [make()]) tidy(() => run(inputs)); // makes the constants that are kept
    const once = (): number => {
      const { inputs, run } = make();
      for (const input of inputs) if (input.dtype === "float32" || input.dtype === "float64") input.requiresGrad = true;
      const before = memory().tensors;
      noGrad(() => run(inputs)).dispose();
      expect(memory().tensors - before, "when nothing is recorded").toBe(0);
      const output = run(inputs);
      if (output.requiresGrad) output.backward(ones(output.shape, { dtype: output.dtype }));
      output.dispose();
      for (const input of inputs) {
        input.grad?.dispose();
        input.dispose();
      }
      return memory().tensors;
    };
    once(); // the same for those of the gradient
    const before = settledTensors();
    // The gradient that backward started from is left to the collector.
    expect(once() - before, "after backward").toBeLessThanOrEqual(1);
  });
});

describe("without dispose", () => {
  test("a synchronous loop stays under a bound", () => {
    settledTensors();
    let most = 0;
    let x = rand([MB / 4]);
    for (let i = 0; i < 3000; i++) {
      x = x.mul(0.999); // 3,000 MB in all
      if (i % 50 === 0) most = Math.max(most, memory().bytes);
    }
    expect(x.sum().itemSync()).toBeGreaterThan(0);
    // The limit at which the collector is asked is 256 MB.
    expect(most).toBeLessThan(300 * MB);
    expect(memory().peakBytes).toBeLessThan(400 * MB);
  });
  test("nor does a training loop grow", async () => {
    const x = rand([64, 32]);
    let w = randn([32, 8], { requiresGrad: true });
    const step = (): void => {
      x.matmul(w).tanh().square().mean().backward();
      w = noGrad(() => w.sub(w.grad!.mul(0.1)));
      w.requiresGrad = true;
    };
    for (let i = 0; i < 50; i++) step();
    const before = await restingTensors();
    for (let i = 0; i < 500; i++) step();
    expect((await restingTensors()) - before).toBeLessThanOrEqual(5);
  });
  test("tensors that are only seen by the graph live as long as it", () => {
    let y = rand([16], { requiresGrad: true });
    const first = y;
    for (let i = 0; i < 20; i++) y = y.mul(tensor(Float32Array.from({ length: 16 }, () => 1.5)));
    settledTensors();
    y.sum().backward();
    expect(first.grad!.dataSync()[0]).toBeCloseTo(1.5 ** 20, 0);
  });
});
