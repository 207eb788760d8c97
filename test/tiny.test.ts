// The smoke suite: a few seconds, one test for each part that everything else stands on.
import { expect, test } from "vitest";
import { memory, noGrad, randn, setSeed, tensor, tidy } from "nabla";

test("the program of the README's first lines", async () => {
  setSeed(1);
  const w = randn([3, 2], { requiresGrad: true });
  const loss = tensor([[1, 2, 3]])
    .matmul(w)
    .relu()
    .mean();
  loss.backward();
  expect(w.grad!.shape).toEqual([3, 2]);
  expect(await loss.item()).toBe(loss.itemSync());
});

test("a line is fitted", () => {
  const x = tensor([[0], [1], [2], [3]]);
  const y = x.mul(2).add(1);
  let [w, b] = [tensor([[0]], { requiresGrad: true }), tensor([0], { requiresGrad: true })];
  for (let step = 0; step < 300; step++) {
    x.matmul(w).add(b).sub(y).square().mean().backward();
    [w, b] = noGrad(() => [w.sub(w.grad!.mul(0.1)), b.sub(b.grad!.mul(0.1))]) as [typeof w, typeof b];
    w.requiresGrad = true;
    b.requiresGrad = true;
  }
  expect(w.itemSync()).toBeCloseTo(2, 3);
  expect(b.itemSync()).toBeCloseTo(1, 3);
});

test("a convolution with pooling, forward and backward", () => {
  const image = tensor(
    Float32Array.from({ length: 36 }, (_, i) => i),
    { shape: [1, 6, 6, 1] },
  );
  const kernel = tensor([0, 0, 0, 0, 1, 0, 0, 0, 0], { shape: [3, 3, 1, 1], requiresGrad: true });
  const pooled = image.conv2d(kernel).maxPool2d({ poolSize: 2 });
  expect(pooled.flatten().toArraySync()).toEqual([14, 16, 26, 28]);
  pooled.sum().backward();
  expect(kernel.grad!.flatten().toArraySync()).toEqual([56, 60, 64, 80, 84, 88, 104, 108, 112]);
});

test("a classification loss", () => {
  const logits = tensor(
    [
      [2, 0],
      [0, 2],
    ],
    { requiresGrad: true },
  );
  const loss = logits.softmaxCrossEntropy(tensor([0, 1], { dtype: "int32" }));
  expect(loss.itemSync()).toBeCloseTo(Math.log(1 + Math.exp(-2)), 6);
  loss.backward();
  expect(logits.grad!.sum().itemSync()).toBeCloseTo(0, 6);
});

test("views, and reads that wait for what was issued before", async () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const [a, b] = await Promise.all([x.transpose().data(), x.slice([null, [null, null, -1]]).toArray()]);
  expect(Array.from(a)).toEqual([1, 4, 2, 5, 3, 6]);
  expect(b).toEqual([
    [3, 2, 1],
    [6, 5, 4],
  ]);
});

test("tidy releases", () => {
  const before = memory().tensors;
  const kept = tidy(() => tensor([1]).exp().log());
  expect(memory().tensors).toBe(before + 1);
  kept.dispose();
  expect(memory().tensors).toBe(before);
});
