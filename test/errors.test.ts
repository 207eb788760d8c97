// The messages of creation, elementwise ops, reductions and views that a user can cause.
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import * as nabla from "nabla";
import {
  ArgumentError,
  DeviceError,
  DTypeError,
  IndexError,
  NablaError,
  ShapeError,
  arange,
  clip,
  eye,
  full,
  gather,
  matmul,
  rand,
  randint,
  randn,
  scatterAdd,
  setSeed,
  softmax,
  tensor,
  truncatedNormal,
  where,
  zeros,
  type Tensor,
} from "nabla";
import { assign } from "../src/ts/ops/assign.js";
import { checkErrors, type ErrorTables } from "./support/check-errors.js";

const wrong = (value: unknown): never => value as never;
const int = tensor([1, 2], { dtype: "int32" });
const m23 = zeros([2, 3]);
const m45 = zeros([4, 5]);
const flags = m23.equal(0); // also makes the constant 0, which is kept
const gone = zeros([2, 2]);
gone.dispose();

const tables: ErrorTables = {
  tensor: [
    [
      () => tensor([[1, 2], [3]]),
      ShapeError,
      "tensor: the nested arrays are ragged: [1] is an array of 1, expected an array of 2 as before it",
    ],
    [
      () => tensor([[1, 2], 3] as never),
      ShapeError,
      "tensor: the nested arrays are ragged: [1] is 3, expected an array of 2 as before it",
    ],
    [
      () => tensor([[1], [[2]]] as never),
      ShapeError,
      "tensor: the nested arrays are ragged: [1][0] is an array of 1, expected a number as before it",
    ],
    [
      () => {
        const circular: unknown[] = [];
        circular.push(circular);
        return tensor(wrong(circular));
      },
      ShapeError,
      "tensor: too many dimensions: the shape is [1,1,1,1,1,1,1,1,1], at most 8 are possible",
    ],
    [() => tensor([1, wrong("2")]), ArgumentError, 'tensor: not a number: [1] is "2", expected numbers or booleans'],
    [
      () => tensor([[1, wrong(null)]]),
      ArgumentError,
      "tensor: not a number: [0][1] is null, expected numbers or booleans",
    ],
    [
      () => tensor(wrong(undefined)),
      ArgumentError,
      "tensor: not a number: the value is undefined, expected numbers or booleans",
    ],
    [() => tensor(wrong(3n)), ArgumentError, "tensor: not a number: the value is 3n, expected numbers or booleans"],
    [
      () => tensor([true, wrong(1)]),
      ArgumentError,
      "tensor: numbers and booleans are mixed: [1] is 1, expected one kind, or the option dtype",
    ],
    [
      () => tensor([1, 300], { dtype: "uint8" }),
      ArgumentError,
      "tensor: uint8 cannot hold a value: [1] is 300, expected 0 to 255",
    ],
    [
      () => tensor(new Float64Array([NaN]), { dtype: "int32" }),
      ArgumentError,
      "tensor: int32 cannot hold a value: [0] is NaN, expected -2147483648 to 2147483647",
    ],
    [
      () => tensor(wrong(new BigInt64Array(1))),
      ArgumentError,
      "tensor: no dtype holds the elements of this array: BigInt64Array, expected Float32Array, Float64Array, Int32Array or Uint8Array",
    ],
    [
      () => tensor([1, 2, 3], { shape: [2, 2] }),
      ShapeError,
      "tensor: the data does not fit the shape: 3 elements, [2,2] has 4",
    ],
    [
      () => tensor([1], { dtype: wrong("float8") }),
      ArgumentError,
      "tensor: unknown dtype: float8, expected one of float32, float64, int32, uint8, bool, bfloat16, float16",
    ],
    [
      () => tensor([1], { device: wrong("tpu") }),
      DeviceError,
      'tensor: there is no device "tpu": expected "cpu" or "cuda"',
    ],
    [() => tensor([1], { device: wrong(0) }), ArgumentError, 'tensor: not a device: 0, expected "cpu" or "cuda"'],
    [
      () => tensor([1], wrong({ type: "int32" })),
      ArgumentError,
      'tensor: unknown option: "type", did you mean "dtype"?',
    ],
    [
      () => tensor([1], wrong("int32")),
      ArgumentError,
      'tensor: the options are not an object: "int32", expected { shape, dtype, device, requiresGrad }',
    ],
    [
      () => tensor([1], { requiresGrad: wrong(1) }),
      ArgumentError,
      "tensor: requiresGrad is not a boolean: 1, expected true or false",
    ],
    [
      () => tensor([1], { dtype: "int32", requiresGrad: true }),
      DTypeError,
      "tensor: only float32 and float64 tensors can require gradients: the dtype is int32",
    ],
  ],
  shapes: [
    [() => zeros([2, -1]), ShapeError, "zeros: sizes must be integers of 0 or more: the shape is [2,-1]"],
    [() => zeros([1.5]), ShapeError, "zeros: sizes must be integers of 0 or more: the shape is [1.5]"],
    [() => zeros([NaN]), ShapeError, "zeros: sizes must be integers of 0 or more: the shape is [NaN]"],
    [() => zeros(wrong(3)), ArgumentError, "zeros: the shape is not an array: 3, expected an array of integers"],
    [
      () => zeros([1, 1, 1, 1, 1, 1, 1, 1, 1]),
      ShapeError,
      "zeros: too many dimensions: the shape is [1,1,1,1,1,1,1,1,1], at most 8 are possible",
    ],
    [
      () => zeros([65536, 65536]),
      ShapeError,
      "zeros: too many elements: the shape is [65536,65536], at most 2147483647 are possible in a tensor",
    ],
  ],
  creation: [
    [() => full([1], wrong("1")), ArgumentError, 'full: not a number: "1", expected a number or a boolean'],
    [
      () => full([1], 256, { dtype: "uint8" }),
      ArgumentError,
      "full: uint8 cannot hold a value: the value is 256, expected 0 to 255",
    ],
    [() => arange(0, 1, 0), ArgumentError, "arange: the step is 0: expected a positive or negative number"],
    [() => arange(NaN), ArgumentError, "arange: stop is not a number: NaN, expected a number"],
    [() => arange(0, Infinity), ArgumentError, "arange: stop is not finite: Infinity, expected a finite number"],
    [() => arange(2, { dtype: "bool" }), DTypeError, "arange: bool holds no range: expected another dtype"],
    [
      () => arange(300, { dtype: "uint8" }),
      ArgumentError,
      "arange: uint8 cannot hold a value: the last element is 299, expected 0 to 255",
    ],
    [
      () => arange(2 ** 31),
      ShapeError,
      "arange: too many elements: the shape is [2147483648], at most 2147483647 are possible in a tensor",
    ],
    [() => eye(-1), ArgumentError, "eye: rows is out of range: -1, expected an integer of at least 0"],
    [() => eye(2, 1.5), ArgumentError, "eye: columns is out of range: 1.5, expected an integer of at least 0"],
    [() => rand([1], { low: 1, high: 0 }), ArgumentError, "rand: the bounds are crossed: low is 1, high is 0"],
    [() => rand([1], { low: NaN }), ArgumentError, "rand: low is not a finite number: NaN, expected a number"],
    [
      () => rand([1], wrong({ dtype: "int32" })),
      DTypeError,
      "rand: random numbers are floating-point: the dtype is int32",
    ],
    [() => randn([1], { deviation: -1 }), ArgumentError, "randn: the deviation is negative: -1, expected 0 or more"],
    [
      () => truncatedNormal([1], { mean: Infinity }),
      ArgumentError,
      "truncatedNormal: mean is not a finite number: Infinity, expected a number",
    ],
    [
      () => randint([1], { high: 0 }),
      ArgumentError,
      "randint: the bounds do not fit: low is 0, high is 0, expected low < high, at most 2^24 apart",
    ],
    [() => randint([1], wrong({})), ArgumentError, "randint: high is out of range: undefined, expected an integer"],
    [() => setSeed(-1), ArgumentError, "setSeed: not a seed: -1, expected an integer from 0 to 2^53 - 1"],
    [() => setSeed(0.5), ArgumentError, "setSeed: not a seed: 0.5, expected an integer from 0 to 2^53 - 1"],
  ],
  operands: [
    [() => m23.add(m45), ShapeError, "add: shapes do not broadcast: a is [2,3], b is [4,5]"],
    [() => m23.equal(m45), ShapeError, "equal: shapes do not broadcast: a is [2,3], b is [4,5]"],
    [() => m23.add(wrong("1")), ArgumentError, 'add: not a tensor: "1", expected a Tensor'],
    [() => m23.add(wrong(undefined)), ArgumentError, "add: not a tensor: undefined, expected a Tensor"],
    [() => m23.add(wrong([1])), ArgumentError, "add: not a tensor: [1], expected a Tensor"],
    [() => nabla.add(1, 2), ArgumentError, "add: no tensor among the operands: 1, 2, expected one at least"],
    [() => m23.add(gone), ArgumentError, "add: the tensor was disposed: its shape was [2,2]"],
    [() => gone.exp(), ArgumentError, "exp: the tensor was disposed: its shape was [2,2]"],
    [() => gone.reshape([4]), ArgumentError, "reshape: the tensor was disposed: its shape was [2,2]"],
    [() => gone.dataSync(), ArgumentError, "dataSync: the tensor was disposed: its shape was [2,2]"],
    [() => gone.detach(), ArgumentError, "detach: the tensor was disposed: its shape was [2,2]"],
    [() => nabla.relu(wrong(3)), ArgumentError, "relu: not a tensor: 3, expected a Tensor"],
    [
      () => m23.logicalAnd(m23),
      DTypeError,
      "logicalAnd: not a bool tensor: the dtype is float32, expected bool, such as a comparison gives",
    ],
    [() => where(m23, 1, 0), DTypeError, "where: the condition is not bool: its dtype is float32, expected bool"],
    [
      () => where(flags, m45, 0),
      ShapeError,
      "where: shapes do not broadcast: the condition is [2,3], a is [4,5], b is []",
    ],
    [() => clip(m23, 1, 0), ArgumentError, "clip: the bounds are crossed: low is 1, high is 0"],
    [() => clip(m23, NaN, 0), ArgumentError, "clip: a bound is not a number: NaN, expected a number or null"],
    [
      () => m23.cast(wrong("int64")),
      ArgumentError,
      "cast: unknown dtype: int64, expected one of float32, float64, int32, uint8, bool, bfloat16, float16",
    ],
    [() => assign(m23, m45), ShapeError, "assign: the shapes differ: the target is [2,3], the source is [4,5]"],
    [
      () => assign(tensor([1, 2]), int),
      DTypeError,
      "assign: the dtypes differ: the target is float32, the source is int32",
    ],
  ],
  reading: [
    [() => m23.itemSync(), ArgumentError, "itemSync: not a single element: the shape is [2,3], use data() instead"],
  ],
  axes: [
    [() => m23.sum({ axis: 2 }), ArgumentError, "sum: axis 2 does not exist: the tensor has 2 dimensions"],
    [() => m23.mean({ axis: -3 }), ArgumentError, "mean: axis -3 does not exist: the tensor has 2 dimensions"],
    [
      () => tensor([1]).max({ axis: wrong("x") }),
      ArgumentError,
      "max: axis x does not exist: the tensor has 1 dimension",
    ],
    [() => m23.sum({ axis: [0, -2] }), ArgumentError, "sum: axis 0 is named twice"],
    [() => m23.sum(wrong(0)), ArgumentError, "sum: the options are not an object: 0, expected { axis, keepDims }"],
    [
      () => m23.sum(wrong({ keepdims: true })),
      ArgumentError,
      'sum: unknown option: "keepdims", did you mean "keepDims"?',
    ],
    [() => zeros([2, 0]).max({ axis: 1 }), ShapeError, "max: there is no element to choose: the shape is [2,0]"],
    [() => zeros([0]).argMin(), ShapeError, "argMin: there is no element to choose: the shape is [0]"],
    [() => zeros([2, 0]).argMax({ axis: 1 }), ShapeError, "argMax: there is no element to choose: the shape is [2,0]"],
    [() => m23.argMax({ axis: NaN }), ArgumentError, "argMax: axis NaN does not exist: the tensor has 2 dimensions"],
    [() => softmax(m23, 2), ArgumentError, "softmax: axis 2 does not exist: the tensor has 2 dimensions"],
    [() => softmax(tensor(1)), ArgumentError, "softmax: axis -1 does not exist: the tensor has 0 dimensions"],
    [() => gather(m23, [0], 2), ArgumentError, "gather: axis 2 does not exist: the tensor has 2 dimensions"],
  ],
  views: [
    [
      () => m23.reshape([4]),
      ShapeError,
      "reshape: the number of elements differs: the tensor is [2,3], [4] was asked for",
    ],
    [
      () => m23.reshape([-1, 4]),
      ShapeError,
      "reshape: the number of elements differs: the tensor is [2,3], [-1,4] was asked for",
    ],
    [
      () => m23.reshape([-1, 0]),
      ShapeError,
      "reshape: the number of elements differs: the tensor is [2,3], [-1,0] was asked for",
    ],
    [
      () => m23.reshape([-1, -1]),
      ArgumentError,
      "reshape: two sizes are open: the shape is [-1,-1], expected one -1 at most",
    ],
    [() => m23.reshape([-2]), ShapeError, "reshape: sizes must be integers of 0 or more: the shape is [-2]"],
    [
      () => m23.reshape(wrong(6)),
      ArgumentError,
      "reshape: the shape is not an array: 6, expected an array of integers",
    ],
    [() => m23.expandDims(3), ArgumentError, "expandDims: axis 3 does not exist: the result has 3 dimensions"],
    [() => m23.squeeze(0), ShapeError, "squeeze: axis 0 is not of size 1: the shape is [2,3], expected 1 there"],
    [() => m23.transpose([0]), ArgumentError, "transpose: the order is not of all axes: [0], the shape is [2,3]"],
    [() => m23.permute([0, 0]), ArgumentError, "permute: axis 0 is named twice"],
    [
      () => m23.broadcastTo([3]),
      ShapeError,
      "broadcastTo: the shape does not fit: the tensor is [2,3], [3] was asked for",
    ],
    [
      () => m23.broadcastTo([2, 4]),
      ShapeError,
      "broadcastTo: the shape does not fit: the tensor is [2,3], [2,4] was asked for",
    ],
    [
      () => m23.slice([null, null, null]),
      ArgumentError,
      "slice: the ranges do not fit: [null,null,null], expected at most one [start, stop, step] for each axis of [2,3]",
    ],
    [
      () => m23.slice([[0, 1, 0]]),
      ArgumentError,
      "slice: the step is 0: [0,1,0], expected a positive or negative step",
    ],
    [
      () => m23.slice([[0.5]]),
      ArgumentError,
      "slice: not a range: [0.5], expected [start, stop, step] of integers or null",
    ],
    [
      () => m23.slice([wrong(1)]),
      ArgumentError,
      "slice: not a range: 1, expected [start, stop, step] of integers or null",
    ],
  ],
  indices: [
    [
      () => gather(m23, tensor([0.5])),
      DTypeError,
      "gather: the indices are not integers: they are float32, expected int32",
    ],
    [
      () => gather(m23, [2 ** 40]),
      ArgumentError,
      "tensor: int32 cannot hold a value: [0] is 1099511627776, expected -2147483648 to 2147483647",
    ],
    [
      () => scatterAdd(m23, [0], zeros([2, 3])),
      ShapeError,
      "scatterAdd: the updates do not fit: they are [2,3], expected [1,3]",
    ],
    [
      () => scatterAdd(tensor([true]), [0], tensor([true])),
      DTypeError,
      "scatterAdd: bool cannot be added: x and the updates are bool, expected numbers",
    ],
  ],
};

checkErrors(tables);

test("codes for programs", () => {
  const code = (call: () => unknown): string => {
    try {
      call();
    } catch (error) {
      return (error as NablaError).code;
    }
    return "";
  };
  expect(code(() => m23.add(m45))).toBe("SHAPE");
  expect(code(() => matmul(int, int))).toBe("DTYPE");
  expect(code(() => m23.sum({ axis: 9 }))).toBe("ARGUMENT");
  expect(code(() => tensor([1], { device: wrong("cuda") }))).toBe("DEVICE");
  expect(code(() => gather(m23, [9]).dataSync())).toBe("INDEX");
});

describe("indices that are known to be wrong only when they are read", () => {
  const message = "gather: index 5 at position 1 is outside [0, 2)";
  test("come with the next blocking wait", () => {
    const y = gather(m23, [1, 5]);
    expect(() => y.dataSync()).toThrow(new IndexError(message));
    expect(m23.sum().itemSync()).toBe(0);
  });
  test("come with the next promise", async () => {
    const y = gather(m23, [1, 5]);
    await expect(y.data()).rejects.toThrow(message);
    await expect(m23.sum().item()).resolves.toBe(0);
  });
  test("reach what was computed from them", () => {
    const y = gather(m23, [1, 5]).add(1).sum();
    expect(() => y.dataSync()).toThrow(message);
  });
  test("scatterAdd too", () => {
    const y = scatterAdd(m23, [-3], zeros([1, 3]));
    expect(() => y.dataSync()).toThrow("scatterAdd: index -3 at position 0 is outside [0, 2)");
  });
});

test("a tensor that was posted is no tensor of this thread", () => {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(tensor([1, 2]));
  const { message } = receiveMessageOnPort(port2) as { message: Tensor };
  port1.close();
  expect(() => m23.add(message)).toThrow(
    new DeviceError(
      "add: the tensor belongs to another thread or another copy of nabla: post its data() and rebuild it with tensor()",
    ),
  );
});
