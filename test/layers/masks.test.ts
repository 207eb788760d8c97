import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  DTypeError,
  Model,
  Sequential,
  ShapeError,
  layers,
  losses,
  memory,
  metrics,
  ones,
  tensor,
  zeros,
  type Tensor,
} from "nabla";

/** Marks the steps whose first feature is not 0, as layers that make a mask do. */
class Marker extends layers.Layer {
  call(x: Tensor): Tensor {
    return x;
  }
  override computeMask(x: Tensor): Tensor {
    return x.notEqual(0).any({ axis: -1 });
  }
  override computeOutputShape(inputShape: layers.BatchShape): layers.BatchShape {
    return inputShape;
  }
}

/** Remembers the mask that it was called with. */
class Witness extends Marker {
  saw: unknown = "nothing";
  override call(x: Tensor, { mask }: layers.CallOptions = { training: false, mask: null }): Tensor {
    this.saw = mask && mask.toArraySync();
    return x;
  }
  override computeMask(_x: Tensor, mask: Tensor | null = null): Tensor {
    return mask!;
  }
}

const steps = [
  [[1], [2], [0]],
  [[3], [0], [0]],
];
const kept = [
  [true, true, false],
  [true, false, false],
];

describe("masks in a Sequential", () => {
  it("go from the layer that makes them to all that follow, through nested models", () => {
    const inner = new Witness();
    const last = new Witness();
    const model = new Sequential([
      new Marker(),
      new layers.Dense({ units: 4, kernelInitializer: "zeros" }),
      new layers.Dropout({ rate: 0.5 }),
      new Sequential([new layers.Activation({ activation: "relu" }), inner]),
      last,
    ]);
    model.apply(tensor(steps));
    expect(inner.saw).toEqual(kept);
    expect(last.saw).toEqual(kept);
    expect(model.computeMask(tensor(steps))!.toArraySync()).toEqual(kept);
    model.apply(tensor(steps), { training: true });
    expect(last.saw).toEqual(kept);
  });

  it("may be the caller's", () => {
    const witness = new Witness();
    const model = new Sequential([new layers.Activation({ activation: "relu" }), witness]);
    model.apply(tensor(steps));
    expect(witness.saw).toBeNull();
    const mask = tensor(kept);
    model.apply(tensor(steps), { mask });
    expect(witness.saw).toEqual(kept);
    expect(model.computeMask(tensor(steps), mask)).toBe(mask);
    expect(model.computeMask(tensor(steps))).toBeNull();
  });

  it("end at layers without a time axis", () => {
    const witness = new Witness();
    const model = new Sequential([new Marker(), new layers.Flatten(), witness]);
    model.apply(tensor(steps));
    expect(witness.saw).toBeNull();
    const mask = tensor([[true, false]]);
    expect(new layers.Flatten().computeMask()).toBeNull();
    expect(new layers.Conv2D({ filters: 1, kernelSize: 1 }).computeMask()).toBeNull();
    expect(new layers.MaxPooling2D().computeMask()).toBeNull();
    expect(new layers.Dense({ units: 1 }).computeMask(ones([1, 2, 3]), mask)).toBe(mask);
  });

  it("respect what a subclass computes", () => {
    class Louder extends Sequential {
      override call(x: Tensor, options: layers.CallOptions): Tensor {
        return super.call(x, options).mul(2);
      }
    }
    const louder = new Louder([new Marker()]);
    const witness = new Witness();
    const model = new Sequential([louder, witness]);
    expect(model.apply(tensor(steps)).toArraySync()).toEqual([
      [[2], [4], [0]],
      [[6], [0], [0]],
    ]);
    expect(witness.saw).toEqual(kept);
  });
});

describe("a masked loss", () => {
  const yTrue = tensor([
    [1, 1, 1],
    [1, 1, 1],
  ]).expandDims(-1);
  const yPred = tensor(steps);
  it("is the mean of what counts, as in Keras", () => {
    const loss = new losses.MeanSquaredError();
    // Squared differences 0, 1, (1) and 4, (1), (1).
    expect(loss.apply(yTrue, yPred).itemSync()).toBeCloseTo(8 / 6, 6);
    expect(loss.apply(yTrue, yPred, { mask: tensor(kept) }).itemSync()).toBeCloseTo(5 / 3, 6);
  });

  it("is 0 when nothing counts, with gradients of 0", () => {
    const x = tensor(steps, { requiresGrad: true });
    const loss = new losses.MeanSquaredError().apply(yTrue, x, { mask: zeros([2, 3], { dtype: "bool" }) });
    expect(loss.itemSync()).toBe(0);
    loss.backward();
    expect(x.grad!.abs().sum().itemSync()).toBe(0);
  });

  it("gives steps that do not count no gradient, even where their loss is not finite", () => {
    const x = tensor([[[2], [Infinity]]], { requiresGrad: true });
    new losses.MeanAbsoluteError().apply(zeros([1, 2, 1]), x, { mask: tensor([[true, false]]) }).backward();
    expect(x.grad!.toArraySync()).toEqual([[[1], [0]]]);
  });

  it("takes a mask for all axes behind", () => {
    const loss = new losses.MeanSquaredError();
    const x = tensor([
      [
        [[1], [2]],
        [[3], [4]],
      ],
    ]);
    expect(loss.apply(zeros([1, 2, 2, 1]), x, { mask: tensor([[false, true]]) }).itemSync()).toBeCloseTo(25 / 2, 5);
  });

  it("refuses masks that do not fit", () => {
    const loss = new losses.MeanSquaredError();
    expect(() => loss.apply(yTrue, yPred, { mask: ones([2, 3]) })).toThrow(
      "meanSquaredError: the mask is not bool: its dtype is float32, expected bool",
    );
    expect(() => loss.apply(yTrue, yPred, { mask: tensor([[true]]) })).toThrow(
      "meanSquaredError: the mask does not fit: its shape is [1,1], the values have [2,3]",
    );
    expect(() => loss.apply(zeros([2, 1]), zeros([2, 1]), { mask: tensor(kept) })).toThrow(ShapeError);
  });
});

describe("a masked metric", () => {
  it("is the mean of what counts in all batches", async () => {
    const metric = new metrics.BinaryAccuracy();
    const batch = (values: number[][], mask: boolean[][]): void => {
      const yPred = tensor(values).expandDims(-1);
      metric.updateState(ones(yPred.shape), yPred, { mask: tensor(mask) });
    };
    batch([[1, 0, 0]], [[true, true, false]]);
    expect(await metric.result()).toBe(0.5);
    batch([[1, 1, 0]], [[true, true, false]]);
    expect(await metric.result()).toBe(0.75);
    metric.updateState(ones([4, 1]), ones([4, 1]));
    expect(await metric.result()).toBe(7 / 8);
    const { tensors } = memory();
    metric.resetState();
    expect(memory().tensors).toBe(tensors - 2);
    expect(await metric.result()).toBeNaN();
  });

  it("counts every value of a step", async () => {
    const metric = new metrics.MeanAbsoluteError();
    metric.updateState(
      zeros([1, 2, 2]),
      tensor([
        [
          [1, 2],
          [7, 9],
        ],
      ]),
      { mask: tensor([[true, false]]) },
    );
    expect(await metric.result()).toBe(1.5);
    expect(() => metric.updateState(zeros([1, 2, 2]), zeros([1, 2, 2]), { mask: tensor([[true]]) })).toThrow(
      "meanAbsoluteError: the mask does not fit: its shape is [1,1], the values have [1,2,2]",
    );
  });
});

describe("training and evaluation", () => {
  it("weigh loss and metrics by the mask of the output", async () => {
    const model = new Sequential([
      new Marker(),
      new layers.Dense({ units: 1, kernelInitializer: "ones", useBias: false, inputShape: [3, 1] }),
    ]);
    model.compile({ optimizer: "sgd", loss: "meanSquaredError", metrics: ["meanAbsoluteError"] });
    const [x, y] = [
      steps,
      [
        [[0], [0], [9]],
        [[0], [9], [9]],
      ],
    ];
    expect(await model.evaluate(x, y, { verbose: 0 })).toEqual({
      loss: expect.closeTo((1 + 4 + 9) / 3, 5),
      meanAbsoluteError: expect.closeTo(2, 5),
    });
    const logs = await model.trainOnBatch(x, y);
    expect(logs["loss"]).toBeCloseTo(14 / 3, 5);
    // The gradient is 2 (1 + 4 + 9) / 3, the learning rate 0.01.
    expect(model.weights[0]!.itemSync()).toBeCloseTo(1 - 0.28 / 3, 6);
    const history = await model.fit(x, y, { epochs: 2, batchSize: 1, verbose: 0, validationData: [x, y] });
    expect(Object.keys(history.history)).toEqual(["loss", "meanAbsoluteError", "valLoss", "valMeanAbsoluteError"]);
  });
});

describe("options of a call", () => {
  const dense = new layers.Dense({ units: 2, name: "dense" });
  it("are checked", () => {
    expect(() => dense.apply(zeros([1, 2]), { trainig: true } as never)).toThrow(ArgumentError);
    expect(() => dense.apply(zeros([1, 2]), { trainig: true } as never)).toThrow(
      'dense: unknown option: "trainig", did you mean "training"?',
    );
    expect(() => dense.apply(zeros([2, 3, 2]), { mask: ones([2, 3]) })).toThrow(DTypeError);
    expect(() => dense.apply(zeros([2, 3, 2]), { mask: ones([2, 3]) })).toThrow(
      "dense: the mask is not bool: its dtype is float32, expected bool",
    );
    expect(() => dense.apply(zeros([2, 3, 2]), { mask: tensor([[true]]) })).toThrow(
      "dense: the mask does not fit the input: its shape is [1,1], expected [batch, time] of an input of the shape [2,3,2]",
    );
    expect(() => dense.apply(zeros([2, 2]), { mask: tensor([true, false]) })).toThrow(ShapeError);
    expect(() => dense.apply(zeros([2, 3, 2]), { mask: [[true]] as never })).toThrow("dense: not a tensor: [[true]]");
  });
});

describe("layers with several inputs or results", () => {
  class Sum extends layers.Layer<Tensor[]> {
    protected override readonly takesList = true;
    shapes: readonly layers.BatchShape[] = [];
    override build(inputShapes: readonly layers.BatchShape[]): void {
      this.shapes = inputShapes;
    }
    call(xs: Tensor[]): Tensor {
      return xs.reduce((a, b) => a.add(b));
    }
    override computeOutputShape(inputShapes: readonly layers.BatchShape[]): layers.BatchShape {
      return inputShapes[0]!;
    }
  }
  class Halves extends layers.Layer<Tensor, Tensor[]> {
    call(x: Tensor): Tensor[] {
      return x.split(2, -1);
    }
    override computeOutputShape(inputShape: layers.BatchShape): readonly layers.BatchShape[] {
      const half = [...inputShape.slice(0, -1), inputShape.at(-1)! / 2];
      return [half, half];
    }
  }

  it("take an array, whose elements are checked and cast", () => {
    const sum = new Sum({ name: "sum" });
    expect(sum.apply([tensor([[1, 2]]), tensor(Int32Array.of(3, 4), { shape: [1, 2] })]).toArraySync()).toEqual([
      [4, 6],
    ]);
    expect(sum.shapes).toEqual([
      [null, 2],
      [null, 2],
    ]);
    expect(() => sum.apply([tensor([1]), 3 as never])).toThrow("sum: not a tensor: 3, expected a Tensor");
    expect(
      sum.computeOutputShape([
        [null, 2],
        [null, 2],
      ]),
    ).toEqual([null, 2]);
  });

  it("give an array", () => {
    const [a, b] = new Halves().apply(tensor([[1, 2, 3, 4]]));
    expect([a!.toArraySync(), b!.toArraySync()]).toEqual([[[1, 2]], [[3, 4]]]);
  });

  it("belong to a model of the user", () => {
    class Split extends Model {
      readonly halves = new Halves();
      readonly sum = new Sum();
      readonly dense = new layers.Dense({ units: 4 });
      override call(x: Tensor): Tensor {
        return this.sum.apply(this.halves.apply(this.dense.apply(x)));
      }
    }
    const model = new Split();
    expect(model.apply(ones([2, 3])).shape).toEqual([2, 2]);
    expect(model.countParams()).toBe(16);
  });

  it("have no place in a Sequential", () => {
    expect(() => new Sequential([new Halves({ name: "halves", inputShape: [4] }) as never])).toThrow(
      "halves: the result is not one tensor: it is a list of 2, expected a tensor",
    );
  });
});
