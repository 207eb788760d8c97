// Which results share memory with their input, and which ops copy an input before their kernel reads it.
import { describe, expect, test } from "vitest";
import * as nabla from "nabla";
import { arange, memory, rand, tensor, tidy, zeros, type Tensor } from "nabla";
import { registry } from "../src/ts/op.js";
import { assign } from "../src/ts/ops/assign.js";
import { currentStream } from "../src/ts/device.js";
import { kernelsOf } from "./support/kernels.js";

type Call = (x: Tensor) => Tensor | Tensor[];

/** Of a contiguous [4,6], or what is looked at of it. */
const views: Readonly<Record<string, Call>> = {
  reshape: (x) => x.reshape([3, 8]),
  "reshape of an inner part": (x) => x.slice([null, [1, 3]]).reshape([2, 2, 2]),
  flatten: (x) => x.flatten(),
  expandDims: (x) => x.expandDims(1),
  "expandDims of a transpose": (x) => x.transpose().expandDims(0),
  squeeze: (x) => x.slice([[2, 3]]).squeeze(0),
  transpose: (x) => x.transpose(),
  permute: (x) => x.permute([1, 0]),
  broadcastTo: (x) => x.broadcastTo([5, 4, 6]),
  slice: (x) =>
    x.slice([
      [3, null, -2],
      [1, 5],
    ]),
  index: (x) => x.index(-1, [0, 5, 2]),
  "index, new axes": (x) => x.index("newAxis", "...", 3, "newAxis"),
  split: (x) => x.split(3, 1),
  "split by sizes": (x) => x.split([1, 0, 3]),
  flip: (x) => x.flip(),
  "flip, one axis": (x) => x.flip(1),
  detach: (x) => x.detach(),
  "cast to its own dtype": (x) => x.cast("float32"),
  "einsum, permuted": (x) => nabla.einsum("ij->ji", x),
  "einsum, diagonal": (x) => nabla.einsum("ii->i", x.slice([null, [0, 4]])),
};

const copies: Readonly<Record<string, Call>> = {
  "reshape of a transpose": (x) => x.transpose().reshape([24]),
  "flatten of an inner part": (x) => x.slice([null, [1, 3]]).flatten(),
  "cast to another dtype": (x) => x.cast("float64"),
  gather: (x) => x.gather([0, 1, 2, 3]),
  takeAlongAxis: (x) => x.takeAlongAxis(zeros([4, 1], { dtype: "int32" }), 1),
  concat: (x) => nabla.concat([x]),
  "concat of two": (x) => nabla.concat([x, x], 1),
  stack: (x) => nabla.stack([x]),
  tile: (x) => x.tile([2, 3]),
  "tile, once": (x) => x.tile(1),
  "tile of an axis of size 1": (x) => x.slice([null, [0, 1]]).tile([1, 4]),
  "tile, many axes": (x) => x.reshape([2, 2, 3, 2]).tile([2, 2, 2, 2]),
  repeat: (x) => x.repeat(2),
  "repeat, once": (x) => x.repeat(1, 0),
  "repeat by counts": (x) => x.repeat([1, 0, 2, 1], 0),
  pad: (x) => x.pad(1),
  "pad by nothing": (x) => x.pad(0),
  "pad by nothing, reflect": (x) => x.pad(0, { mode: "reflect" }),
  "pad, edge": (x) =>
    x.pad(
      [
        [1, 0],
        [2, 2],
      ],
      { mode: "edge" },
    ),
  roll: (x) => x.roll(2),
  "roll by nothing": (x) => x.roll(0, 1),
  "roll of two axes": (x) => x.roll([1, 2], [0, 1]),
  tril: (x) => x.tril(),
  triu: (x) => x.triu(-100),
  einsum: (x) => nabla.einsum("ij,kj->ik", x, x),
};

const make = (): Tensor => arange(24).add(1).reshape([4, 6]);
const other = (): Tensor => arange(24).mul(-1).reshape([4, 6]);
const values = (result: Tensor | Tensor[]): unknown => [result].flat().map((part) => part.toArraySync());

test.each(Object.entries(views))("%s shares the input's memory", (_, call) => {
  tidy(() => {
    const x = make();
    const before = memory();
    const result = call(x);
    expect([result].flat().length).toBeGreaterThan(0);
    for (const part of [result].flat()) expect(part.storage).toBe(x.storage);
    expect(memory()).toMatchObject({ tensors: before.tensors, bytes: before.bytes });
    expect(values(result)).toEqual(values(call(make())));
    assign(x, other());
    expect(values(result)).toEqual(values(call(other())));
  });
});

test.each(Object.entries(copies))("%s makes memory of its own", (_, call) => {
  tidy(() => {
    const x = make();
    tidy(() => call(x)); // makes the constants that are kept
    const before = memory();
    const result = tidy(() => call(x)) as Tensor;
    expect(result.storage).not.toBe(x.storage);
    const after = memory();
    expect(after.tensors - before.tensors).toBe(1);
    zeros(result.shape, { dtype: result.dtype });
    expect(after.bytes - before.bytes).toBe(memory().bytes - after.bytes);
  });
  tidy(() => {
    const x = make();
    const result = call(x);
    const found = values(result);
    assign(x, other());
    expect(values(result)).toEqual(found);
    expect(values(call(x))).not.toEqual(found);
  });
});

test("every view of the registry is among the views above", () => {
  const looked = new Set<string>();
  for (const call of Object.values(views)) {
    tidy(() => {
      const x = make();
      x.requiresGrad = true;
      for (let node = [call(x)].flat()[0]!.node; node; node = node.edges[0] ?? null) looked.add(node.op);
    });
  }
  const registered = [...registry].flatMap(([name, { definition }]) => ("view" in definition ? [name] : []));
  expect(registered.length).toBeGreaterThan(4);
  expect(registered.filter((name) => !looked.has(name))).toEqual([]);
});

describe("strided inputs", () => {
  const classes = tensor([0, 1, 2, 3], { dtype: "int32" });
  const places = tensor([[3], [0], [1], [2]], { dtype: "int32" });
  const image = (x: Tensor): Tensor => x.index(null, "newAxis", "...", "newAxis");
  const kernel = rand([1, 1, 1, 1]);

  /** The registry's op: a call on a [4,4] whose strides are not those of row-major order. */
  const asTheyAre: Readonly<Record<string, Call>> = {
    neg: (x) => x.neg(),
    exp: (x) => x.exp(),
    clip: (x) => x.clip(0, 1),
    add: (x) => x.add(x),
    maximum: (x) => x.maximum(x),
    equal: (x) => x.equal(x),
    cast: (x) => x.cast("int32"),
    sum: (x) => x.sum({ axis: 0 }),
    mean: (x) => x.mean({ axis: 1 }),
    max: (x) => x.max(),
    matmul: (x) => x.matmul(x),
    concat: (x) => nabla.concat([x, x], 1),
    pad: (x) => x.pad(1),
    tril: (x) => x.tril(),
    triu: (x) => x.triu(),
  };
  const copied: Readonly<Record<string, Call>> = {
    gather: (x) => x.gather(classes),
    scatterAdd: (x) => x.scatterAdd(classes, zeros([4, 4])),
    takeAlongAxis: (x) => x.takeAlongAxis(places, 1),
    softmax: (x) => x.softmax(),
    logSoftmax: (x) => x.logSoftmax(),
    softmaxCrossEntropy: (x) => x.softmaxCrossEntropy(classes),
    conv2d: (x) => image(x).conv2d(kernel),
    maxPool2d: (x) => image(x).maxPool2d({ poolSize: 1 }),
  };
  const layouts: Readonly<Record<string, () => Tensor>> = {
    transposed: () => rand([4, 4]).transpose(),
    stepped: () =>
      rand([8, 8]).slice([
        [0, null, 2],
        [1, null, 2],
      ]),
    reversed: () => rand([4, 4]).flip(1),
  };

  const contiguous = (op: string): boolean => {
    const { definition } = registry.get(op)!;
    return "infer" in definition && (definition.contiguous ?? false);
  };

  describe.each(Object.entries(layouts))("%s", (_, layout) => {
    test.each(Object.entries(asTheyAre))("%s reads them as they are", (op, call) => {
      expect(contiguous(op)).toBe(false);
      const x = layout();
      const ran = kernelsOf(() => call(x));
      expect(ran).toContain(op);
      expect(ran).not.toContain("copy");
    });
    test.each(Object.entries(copied))("%s gets a row-major copy", (op, call) => {
      expect(contiguous(op)).toBe(true);
      const x = layout();
      const ran = kernelsOf(() => call(x));
      expect(ran.indexOf("copy")).toBeGreaterThanOrEqual(0);
      expect(ran.indexOf("copy")).toBeLessThan(ran.indexOf(op));
      const y = rand([4, 4]);
      expect(kernelsOf(() => call(y))).not.toContain("copy");
    });
  });

  test("the copy is given back, and seen in the peak while it lives", () => {
    const size = 2 ** 22;
    const x = zeros([size / 1024, 1024]);
    x.softmax().dispose();
    currentStream().wait();
    const { peakBytes, tensors } = memory();
    // The result alone fits into what was released; the copy beside it does not.
    x.softmax().dispose();
    currentStream().wait();
    expect(memory().peakBytes).toBe(peakBytes);
    x.transpose().softmax().dispose();
    currentStream().wait();
    expect(memory().peakBytes - peakBytes).toBeGreaterThanOrEqual(size * 4);
    expect(memory().tensors).toBe(tensors);
  });
});
