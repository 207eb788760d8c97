import { describe, expect, it } from "vitest";
import { ArgumentError, ShapeError, layers, memory, ones, randn, setSeed, tensor, zeros, type Tensor } from "nabla";
import { leftOfCalls } from "../support/leaks.js";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract } = layers;
type Merge = layers.Layer<readonly Tensor[]>;

const elementwise: [string, () => Merge, (values: number[]) => number][] = [
  ["Add", () => new Add(), (values) => values.reduce((a, b) => a + b)],
  ["Multiply", () => new Multiply(), (values) => values.reduce((a, b) => a * b)],
  ["Average", () => new Average(), (values) => values.reduce((a, b) => a + b) / values.length],
  ["Maximum", () => new Maximum(), (values) => Math.max(...values)],
  ["Minimum", () => new Minimum(), (values) => Math.min(...values)],
];
const two: [string, () => Merge, (values: number[]) => number][] = [
  ...elementwise,
  ["Subtract", () => new Subtract(), (values) => values[0]! - values[1]!],
];

describe("merges of elements", () => {
  it.each(elementwise)("%s takes any number of tensors", (_, make, merged) => {
    setSeed(1);
    const x = [1, 2, 3, 4].map(() => randn([3, 5], { dtype: "float64" }));
    for (const count of [2, 3, 4]) {
      const layer = make();
      const inputs = x.slice(0, count).map((each) => each.cast("float32"));
      const y = layer.apply(inputs).dataSync();
      const columns = inputs.map((each) => each.dataSync());
      // At most four roundings of numbers below 10.
      y.forEach((value, i) => expect(value).toBeCloseTo(merged(columns.map((column) => column[i]!)), 5));
    }
  });

  it.each(two)("%s lets sizes of 1 grow, and aligns samples of fewer axes", (_, make, merged) => {
    const a = tensor([
      [[1], [2]],
      [[3], [4]],
    ]); // [2, 2, 1]
    const b = tensor([
      [10, 20, 30],
      [40, 50, 60],
    ]); // [2, 3]
    const y = make().apply([a, b]);
    const expected = [0, 1].map((n) =>
      [0, 1].map((i) => [0, 1, 2].map((j) => Math.fround(merged([1 + 2 * n + i, 10 * (3 * n + j + 1)])))),
    );
    expect(y.toArraySync()).toEqual(expected);
  });

  it.each(two)("%s has gradients that agree with finite differences", (_, make) => {
    setSeed(2);
    const options = { dtype: "float64", requiresGrad: true } as const;
    const x = [randn([2, 1, 3], options), randn([2, 4, 1], options)];
    const layer = new (make().constructor as new (o: object) => Merge)({ dtype: "float64" });
    const loss = (): Tensor => layer.apply(x).sin().sum();
    expect(largestSlopeError(x, loss)).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });

  it.each(two)("%s leaves nothing behind but its result", (_, make) => {
    const x = [randn([2, 3], { requiresGrad: true }), randn([2, 4, 3], { requiresGrad: true })];
    expect(leftOfCalls(make(), x)).toEqual({ call: 0, step: 0 });
  });

  it("compute in the layer's dtype", () => {
    const x = [tensor(Int32Array.of(1, 2), { shape: [1, 2] }), ones([1, 2])];
    expect(new Average().apply(x).toArraySync()).toEqual([[1, 1.5]]);
    expect(new Add({ dtype: "float64" }).apply(x).dtype).toBe("float64");
  });
});

describe("Concatenate", () => {
  const a = tensor([[[1, 2]], [[3, 4]]]);
  const b = tensor([[[5, 6]], [[7, 8]]]);
  it("joins along the last axis, or another", () => {
    expect(new Concatenate().apply([a, b]).toArraySync()).toEqual([[[1, 2, 5, 6]], [[3, 4, 7, 8]]]);
    expect(new Concatenate({ axis: 1 }).apply([a, b]).toArraySync()).toEqual([
      [
        [1, 2],
        [5, 6],
      ],
      [
        [3, 4],
        [7, 8],
      ],
    ]);
    expect(new Concatenate({ axis: -2 }).apply([a, b, a]).shape).toEqual([2, 3, 2]);
  });

  it("moves elements without a change of their dtype", () => {
    const words = tensor(Int32Array.of(1, 2), { shape: [1, 2] });
    expect(new Concatenate().apply([words, words]).dtype).toBe("int32");
  });

  it("has gradients that agree with finite differences, and leaves nothing behind", () => {
    setSeed(3);
    const options = { dtype: "float64", requiresGrad: true } as const;
    const x = [randn([2, 1, 3], options), randn([2, 4, 3], options)];
    const layer = new Concatenate({ axis: 1 });
    expect(largestSlopeError(x, () => layer.apply(x).sin().sum())).toBeLessThanOrEqual(SLOPE_TOLERANCE);
    expect(leftOfCalls(layer, x)).toEqual({ call: 0, step: 0 });
  });
});

describe("shapes of merges", () => {
  it("pass on sizes that are not known, and run no kernel", () => {
    const before = memory().tensors;
    const add = new Add();
    expect(
      add.computeOutputShape([
        [null, 3, 4],
        [null, 3, 1],
      ]),
    ).toEqual([null, 3, 4]);
    expect(
      add.computeOutputShape([
        [null, null, 4],
        [5, 1, 4],
      ]),
    ).toEqual([5, null, 4]);
    expect(
      add.computeOutputShape([
        [null, 4],
        [null, 2, 1],
      ]),
    ).toEqual([null, 2, 4]);
    expect(
      add.computeOutputShape([
        [null, 1],
        [null, 1],
        [null, 7],
      ]),
    ).toEqual([null, 7]);
    const join = new Concatenate({ axis: 1 });
    expect(
      join.computeOutputShape([
        [null, 2, 4],
        [6, 3, null],
      ]),
    ).toEqual([6, 5, 4]);
    expect(
      join.computeOutputShape([
        [null, null, 4],
        [null, 3, 4],
      ]),
    ).toEqual([null, null, 4]);
    expect(memory().tensors).toBe(before);
  });

  it("are refused where the tensors do not fit together", () => {
    const add = new Add({ name: "sum" });
    expect(() => add.apply([zeros([2, 3]), zeros([2, 4])])).toThrow(ShapeError);
    expect(() => add.apply([zeros([2, 3]), zeros([2, 4])])).toThrow(
      "sum: the samples do not broadcast: the inputs are [null,3], [null,4]",
    );
    expect(() => add.apply([zeros([1, 3]), zeros([2, 3])])).toThrow(
      "sum: the batches differ: the inputs are [1,3], [2,3]",
    );
    expect(() => add.apply([zeros([2, 3]), zeros([])])).toThrow("sum: the input does not fit: its shape is []");
    expect(() =>
      add.computeOutputShape([
        [null, 5],
        [null, null],
        [null, 6],
      ]),
    ).toThrow("sum: the samples do not broadcast");
    const join = new Concatenate({ name: "join" });
    expect(() => join.apply([zeros([2, 3, 4]), zeros([2, 2, 4])])).toThrow(
      "join: the shapes differ beside axis 2: the inputs are [null,3,4], [null,2,4]",
    );
    expect(() => join.apply([zeros([2, 3, 4]), zeros([2, 4])])).toThrow("join: the shapes differ beside axis 2");
    expect(() =>
      join.build([
        [null, 3],
        [null, 3, 1],
      ]),
    ).toThrow("join: the shapes differ beside axis 1");
    const built = new Concatenate({ name: "join" });
    built.apply([zeros([2, 3]), zeros([2, 3])]);
    expect(() => built.apply([zeros([2, 3]), zeros([1, 3])])).toThrow(
      "join: the shapes differ beside axis 1: the inputs are [2,3], [1,3]",
    );
    expect(() => new Concatenate({ name: "join", axis: 2 }).apply([zeros([2, 3]), zeros([2, 3])])).toThrow(
      "join: axis 2 does not exist: the tensor has 2 dimensions",
    );
  });
});

describe("the input of merges", () => {
  const x = zeros([2, 3]);
  it.each([
    [
      () => new Add({ name: "m" }).apply(x as never),
      "m: the input is wrong: Tensor, expected a list of 2 or more tensors",
    ],
    [() => new Add({ name: "m" }).apply([x]), "m: the input is wrong: [Tensor], expected a list of 2 or more tensors"],
    [() => new Add({ name: "m" }).apply([]), "m: the input is wrong: [], expected a list of 2 or more tensors"],
    [() => new Concatenate({ name: "m" }).apply(3 as never), "m: the input is wrong: 3, expected a list of 2 or more"],
    [
      () => new Subtract({ name: "m" }).apply([x, x, x]),
      "m: the input is wrong: [Tensor,Tensor,Tensor], expected a list of 2 tensors",
    ],
    [() => new Add({ name: "m" }).apply([x, 3 as never]), "m: not a tensor: 3, expected a Tensor"],
    [
      () => new Add({ name: "m" }).computeOutputShape([null, 3] as never),
      "m: the input is wrong: [null,3], expected a list of 2 or more shapes",
    ],
    [() => new Add({ name: "m" }).build([null, 3] as never), "m: the input is wrong: [null,3], expected a list of 2"],
    [() => new Concatenate({ name: "m", axis: 0.5 }), "m: axis is out of range: 0.5, expected an integer"],
    [() => new Add({ axis: 1 } as never), 'Add: unknown option: "axis"'],
  ])("is a list: %#", (call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(ArgumentError);
  });
});

describe("the mask of merges", () => {
  const mask = tensor([
    [true, false, true],
    [true, true, false],
  ]);
  it("is that of the first input, where it fits the result", () => {
    const x = zeros([2, 3, 4]);
    expect(new Add().computeMask([x, x], mask)).toBe(mask);
    expect(new Concatenate().computeMask([x, x], mask)).toBe(mask);
    expect(new Add().computeMask([x, x])).toBeNull();
    expect(new Concatenate({ axis: 1 }).computeMask([x, x], mask)).toBeNull();
    expect(new Add().computeMask([zeros([2, 1, 4]), x], mask.slice([null, [0, 1]]))).toBeNull();
    expect(new Add().apply([x, x], { mask }).shape).toEqual([2, 3, 4]);
    expect(() => new Add({ name: "m" }).apply([x, x], { mask: mask.slice([[0, 1]]) })).toThrow(
      "m: the mask does not fit the input: its shape is [1,3]",
    );
  });
});
