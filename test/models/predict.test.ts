import { describe, expect, it } from "vitest";
import { classifier, quadrants } from "../support/quadrants.js";

describe("predict", () => {
  it("gives the results of all batches, whatever their size", async () => {
    const { x } = quadrants(10);
    const model = classifier();
    const expected = model.apply(x).dataSync();
    for (const batchSize of [1, 3, 10, 32]) {
      const y = await model.predict(x, { batchSize });
      expect(y.shape).toEqual([10, 4]);
      expect(y.requiresGrad).toBe(false);
      y.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
    }
  });
});

describe("trainOnBatch", () => {
  it("is issued at once and gives the loss before the step", async () => {
    const { x, y } = quadrants(32);
    const model = classifier();
    const before = await model.evaluate(x, y, { verbose: 0 });
    const results = [model.trainOnBatch(x, y), model.trainOnBatch(x, y), model.trainOnBatch(x, y)];
    expect(model.optimizer!.iterations).toBe(3);
    const [first, second, third] = (await Promise.all(results)).map((logs) => logs["loss"]!) as [
      number,
      number,
      number,
    ];
    expect(first).toBeCloseTo(before["loss"]!, 6);
    expect(second).toBeLessThan(first);
    expect(third).toBeLessThan(second);
  });
});
