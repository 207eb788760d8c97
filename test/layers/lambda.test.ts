import { describe, expect, it } from "vitest";
import { ArgumentError, Sequential, layers, memory, ones, randn, setSeed, tensor, zeros, type Tensor } from "nabla";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { Dense, Lambda } = layers;

describe("Lambda", () => {
  it("applies a function of a tensor, or of a list", () => {
    const double = new Lambda({ function: (x) => x.mul(2) });
    expect(double.apply(tensor([[1, 2]])).toArraySync()).toEqual([[2, 4]]);
    const pair = new Lambda({ function: ([a, b]: readonly Tensor[]) => a!.sub(b!) });
    expect(pair.apply([tensor([[5]]), tensor([[3]])]).toArraySync()).toEqual([[2]]);
    expect(double.weights).toEqual([]);
  });

  it("tells the function about the call", () => {
    const seen: unknown[] = [];
    const layer = new Lambda({
      function: (x, { training, mask }) => {
        seen.push(training, mask);
        return x;
      },
    });
    const mask = tensor([[true, false]]);
    const x = zeros([1, 2, 3]);
    layer.apply(x);
    layer.apply(x, { training: true, mask });
    expect(seen).toEqual([false, null, true, mask]);
    expect(layer.computeMask()).toBeNull();
  });

  it("leaves the input's dtype as it is", () => {
    const layer = new Lambda({ function: (ids) => ids.equal(2) });
    expect(layer.apply(tensor(Int32Array.of(1, 2), { shape: [1, 2] })).toArraySync()).toEqual([[false, true]]);
  });

  it("has the gradients of what it computes", () => {
    setSeed(1);
    const dtype = "float64";
    const x = randn([2, 7], { dtype, requiresGrad: true });
    const model = new Sequential([
      new Lambda({ function: (y) => y.square().sum({ axis: -1, keepDims: true }), dtype }),
    ]);
    expect(largestSlopeError([x], () => model.apply(x).sin().sum())).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });

  it("gets its shape by a trial where it is not given", () => {
    const calls: number[][] = [];
    const model = new Sequential([
      new Lambda({
        inputShape: [4, 3],
        function: (x) => {
          calls.push([...x.shape]);
          return x.mean({ axis: 1 });
        },
      }),
      new Dense({ units: 2 }),
    ]);
    expect(calls).toEqual([[1, 4, 3]]);
    expect(model.outputShape).toEqual([null, 2]);
    expect(new Lambda({ function: (x) => x }).knowsOutputShape).toBe(false);
  });

  it("takes the shape of a result, or a function of the input's", () => {
    const never = (): Tensor => {
      throw new Error("called");
    };
    const before = memory().tensors;
    const fixed = new Lambda({ function: never, outputShape: [null, 5] });
    expect(fixed.knowsOutputShape).toBe(true);
    expect(fixed.computeOutputShape([null, 3])).toEqual([null, null, 5]);
    const computed = new Lambda({
      function: never,
      outputShape: ([batch, ...sizes]) => [batch!, ...sizes.toReversed()],
    });
    expect(computed.computeOutputShape([7, 2, null])).toEqual([7, null, 2]);
    const list = new Lambda<readonly Tensor[]>({ function: never, outputShape: [2] });
    expect(
      list.computeOutputShape([
        [6, 3],
        [6, 4],
      ]),
    ).toEqual([6, 2]);
    const model = new Sequential([
      new Lambda({ inputShape: [3], function: never, outputShape: [4] }),
      new Dense({ units: 1 }),
    ]);
    expect(model.outputShape).toEqual([null, 1]);
    expect(memory().tensors).toBe(before + 2);
  });

  it.each([
    [() => new Lambda({ name: "l" } as never), "l: function is wrong: undefined, expected a function of a tensor"],
    [() => new Lambda({ name: "l", function: "relu" as never }), 'l: function is wrong: "relu", expected a function'],
    [() => new Lambda((() => ones([1])) as never), "Lambda: the options are not an object"],
    [
      () => new Lambda({ name: "l", function: (x) => x, outputShape: [0] }),
      "l: outputShape is wrong: [0], expected an array of positive integers, or null",
    ],
    [
      () => new Lambda({ name: "l", function: (x) => x, outputShape: () => 3 as never }).computeOutputShape([null]),
      "l: outputShape is wrong: 3, expected an array of positive integers, or null",
    ],
    [
      () => new Lambda({ name: "l", function: (x) => x }).computeOutputShape([null, 2]),
      "l: the output shape is not known before a call: expected the option outputShape",
    ],
    [
      () => new Lambda({ name: "l", function: () => 3 as never }).apply(ones([1])),
      "l: not a tensor: 3, expected a Tensor",
    ],
    [() => new Lambda({ name: "l", function: (x) => x }).apply(3 as never), "l: not a tensor: 3, expected a Tensor"],
  ])("refuses wrong options and results: %#", (call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(ArgumentError);
  });
});
