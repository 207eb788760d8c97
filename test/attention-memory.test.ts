// In a file of its own, for the peak is that of the process.
import { expect, test } from "vitest";
import { memory, randn, scaledDotProductAttention, tidy } from "nabla";

test("attention needs no memory for scores", () => {
  const x = randn([1, 1, 4096, 4], { requiresGrad: true });
  tidy(() => scaledDotProductAttention(x, x, x, { causal: true }).sum().backward());
  x.grad!.dataSync();
  // The scores alone would take 64 MiB.
  expect(memory().peakBytes).toBeGreaterThan(2 ** 16);
  expect(memory().peakBytes).toBeLessThan(48 * 2 ** 20);
});
