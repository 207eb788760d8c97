import { describe, expect, test } from "vitest";
import { AnomalyError, detectAnomaly, full, noGrad, tensor, where, type Tensor } from "nabla";

const leaf = (...values: number[]): Tensor<"float64", 1> => tensor(Float64Array.from(values), { requiresGrad: true });

function caught(run: () => unknown): AnomalyError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(AnomalyError);
    return error as AnomalyError;
  }
  throw new Error("nothing was thrown");
}

describe("detectAnomaly", () => {
  test("gives what the function gives", () => {
    expect(detectAnomaly(() => leaf(1, 2).square().sum().itemSync())).toBe(5);
  });
  test("names the op that made a NaN, and its stack leads here", () => {
    function theCulprit(): unknown {
      return tensor([[4, -1]]).sqrt();
    }
    const error = caught(() => detectAnomaly(() => theCulprit()));
    expect(error.message).toBe("sqrt: the result has a NaN: at [0,1] of float32 [1,2], the inputs have none");
    expect(error.code).toBe("ANOMALY");
    expect(error.stack).toContain("theCulprit");
  });
  test("names the op that made an infinity", () => {
    expect(caught(() => detectAnomaly(() => tensor([1, 0]).log())).message).toBe(
      "log: the result has an infinity: at [1] of float32 [2], the inputs have none",
    );
  });
  test("a NaN made of infinities is one", () => {
    const infinite = full([2], Infinity);
    expect(caught(() => detectAnomaly(() => infinite.sub(infinite))).message).toContain("sub: the result has a NaN");
  });
  test("what was there before, or was asked for, is none", () => {
    detectAnomaly(() => {
      const masked = where(tensor([true, false]), tensor([1, 2]), full([2], -Infinity));
      expect(Array.from(masked.softmax().dataSync())).toEqual([1, 0]);
      expect(tensor([NaN]).add(1).itemSync()).toBeNaN();
    });
  });
  test("names the op whose gradient went wrong, and where it was called", () => {
    function theForwardCall(x: Tensor): Tensor {
      return x.sqrt();
    }
    const x = leaf(0, 4);
    const error = caught(() => detectAnomaly(() => theForwardCall(x).sum().backward()));
    expect(error.message).toBe("sqrt: the gradient has an infinity: at [0] of float64 [2], made by div in backward");
    expect((error.cause as Error).stack).toContain("theForwardCall");
  });
  test("ends with the function, whatever happens", () => {
    expect(() => detectAnomaly(() => expect.fail("stop"))).toThrow("stop");
    expect(tensor([-1]).sqrt().itemSync()).toBeNaN();
  });
  test("an asynchronous function is watched to its end", async () => {
    const run = detectAnomaly(async () => {
      await Promise.resolve();
      return noGrad(() => tensor([-1]).log());
    });
    await expect(run).rejects.toThrow("log: the result has a NaN");
    expect(tensor([-1]).log().itemSync()).toBeNaN();
  });
  test("one inside another ends with the outer one", () => {
    const error = caught(() =>
      detectAnomaly(() => {
        detectAnomaly(() => 1);
        tensor([-1]).sqrt();
      }),
    );
    expect(error.message).toContain("sqrt");
  });
});
