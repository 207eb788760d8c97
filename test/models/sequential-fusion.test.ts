// Conv2D and the MaxPooling2D after it run as one op: the same results as layer by layer, in less memory.
import { describe, expect, it, vi } from "vitest";
import { Sequential, layers, memory, noGrad, randn, setSeed, tensor, type Tensor } from "nabla";
import { registry } from "../../src/ts/op.js";

const { Activation, Conv2D, Dense, Flatten, MaxPooling2D } = layers;

/** Of these ops, those that `run` called. */
function opsOf(run: () => Tensor): string[] {
  const y = run();
  const names: string[] = [];
  const seen = new Set<unknown>();
  const visit = (node: Tensor["node"]): void => {
    if (!node || seen.has(node)) return;
    seen.add(node);
    names.push(node.op);
    for (const edge of node.edges) visit(edge);
  };
  visit(y.node);
  return names.filter((name) => registry.has(name) && /^conv2d|Pool/.test(name));
}

const images = (): Tensor => randn([2, 9, 10, 3]);

class Louder extends Conv2D {
  override call(x: Tensor): Tensor {
    return super.call(x).mul(2);
  }
}
class Negative extends MaxPooling2D {
  override call(x: Tensor): Tensor {
    return super.call(x.neg()).neg();
  }
}

describe("Conv2D followed by MaxPooling2D", () => {
  it.each(["relu", "tanh", "linear"] as const)("is one op with %s", (activation) => {
    setSeed(1);
    const conv = new Conv2D({ filters: 5, kernelSize: 3, activation });
    const pool = new MaxPooling2D();
    const model = new Sequential([conv, pool, new Flatten(), new Dense({ units: 2 })]);
    const x = images();
    model.build([null, 9, 10, 3]);
    expect(opsOf(() => model.apply(x))).toEqual(["conv2dMaxPool"]);

    const together = model.apply(x, { training: true });
    together.backward(tensor([[1, 2], [3, -4]])); // prettier-ignore
    const gradients = model.trainableWeights.map((weight) => weight.grad!.dataSync());
    for (const weight of model.trainableWeights) weight.grad = null;
    const apart = model.layers.reduce((y, layer) => layer.apply(y, { training: true }), x);
    apart.backward(tensor([[1, 2], [3, -4]])); // prettier-ignore
    expect(together.dataSync()).toEqual(apart.dataSync());
    model.trainableWeights.forEach((weight, i) => {
      // Only the bias gradient of the convolution is summed in another order.
      const want = weight.grad!.dataSync();
      want.forEach((value, j) => expect(gradients[i]![j]).toBeCloseTo(value, 4));
      if (i !== 1) expect(gradients[i]).toEqual(want);
    });
    expect(noGrad(() => model.apply(x)).dataSync()).toEqual(apart.dataSync());
  });

  it("is one op with channels first, and in the middle of a model", () => {
    const dataFormat = "channelsFirst";
    const model = new Sequential([
      new Conv2D({ filters: 4, kernelSize: 2, dataFormat, inputShape: [3, 12, 12] }),
      new Conv2D({ filters: 4, kernelSize: 2, dataFormat }),
      new MaxPooling2D({ dataFormat }),
      new MaxPooling2D({ dataFormat }),
    ]);
    expect(opsOf(() => model.apply(randn([2, 3, 12, 12])))).toEqual(["maxPool2d", "conv2dMaxPool", "conv2d"]);
  });

  it.each([
    [
      "a layer between",
      [new Conv2D({ filters: 2, kernelSize: 3 }), new Activation({ activation: "relu" }), new MaxPooling2D()],
    ],
    ["another activation", [new Conv2D({ filters: 2, kernelSize: 3, activation: "gelu" }), new MaxPooling2D()]],
    ["a subclass of Conv2D", [new Louder({ filters: 2, kernelSize: 3 }), new MaxPooling2D()]],
    ["a subclass of MaxPooling2D", [new Conv2D({ filters: 2, kernelSize: 3 }), new Negative()]],
    ["other dtypes", [new Conv2D({ filters: 2, kernelSize: 3 }), new MaxPooling2D({ dtype: "float64" })]],
  ])("are two ops with %s", (_, stack) => {
    const model = new Sequential(stack);
    const x = images();
    expect(opsOf(() => model.apply(x)).sort()).toEqual(["conv2d", "maxPool2d"]);
    expect(model.apply(x).dataSync()).toEqual(stack.reduce<Tensor>((y, layer) => layer.apply(y), x).dataSync());
  });

  it("keeps names, weights, shapes, the summary and messages", () => {
    const model = new Sequential([
      new Conv2D({ filters: 4, kernelSize: 3, inputShape: [null, null, 1], name: "conv" }),
      new MaxPooling2D({ poolSize: 4, name: "pool" }),
    ]);
    expect(model.layers.map(({ name }) => name)).toEqual(["conv", "pool"]);
    expect(model.weights.map(({ shape }) => shape)).toEqual([[3, 3, 1, 4], [4]]);
    const print = vi.spyOn(console, "log").mockImplementation(() => {});
    model.summary();
    expect(print.mock.calls.flat().join("\n")).toMatch(/conv .*\n(.*\n)?.*pool /);
    print.mockRestore();
    const [conv, pool] = model.layers as [Conv, Pool];
    const small = randn([1, 5, 5, 1]);
    const message = "maxPool2d: the window is larger than the image: a window of [4,4] on an image of [3,3]";
    expect(() => pool.apply(conv.apply(small))).toThrow(message);
    expect(() => model.apply(small)).toThrow(message);
    expect(() => model.apply(randn([1, 5, 5, 2]))).toThrow("conv: the input does not fit");
  });

  it("leaves no tensor of the convolution's size", () => {
    const model = new Sequential([
      new Conv2D({ filters: 32, kernelSize: 3, activation: "relu", inputShape: [66, 66, 1] }),
      new MaxPooling2D(),
    ]);
    const x = randn([8, 66, 66, 1]);
    x.sum().itemSync();
    const before = memory().bytes;
    const y = model.apply(x, { training: true });
    y.sum().itemSync();
    // The pooled elements, and a byte for the place of each.
    expect(memory().bytes - before).toBeLessThan(0.35 * 8 * 64 * 64 * 32 * 4);
  });
});

type Conv = InstanceType<typeof Conv2D>;
type Pool = InstanceType<typeof MaxPooling2D>;
