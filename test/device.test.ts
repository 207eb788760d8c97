import "./support/cuda.js";
import { describe, expect, test } from "vitest";
import * as nabla from "nabla";
import {
  DeviceError,
  IndexError,
  add,
  concat,
  customGrad,
  devices,
  gather,
  grad,
  memory,
  setSeed,
  tensor,
  tidy,
  to,
  withDevice,
  zeros,
  type DType,
  type Tensor,
} from "nabla";
import { fakeCuda } from "./support/cuda.js";
import { inWorker } from "./support/worker.js";

const wrong = (value: unknown): never => value as never;

describe("devices", () => {
  test("lists what can be used, by name", () => {
    const [cpu, cuda, ...others] = devices();
    expect(cpu).toEqual({ device: "cpu", available: true, name: expect.stringMatching(/./) as string });
    expect(cuda).toEqual({ device: "cuda", available: true, name: expect.stringMatching(/./) as string });
    expect(others).toEqual([]);
  });
  test.each([
    [
      { NABLA_CUDA_ADDON: "/nowhere/cuda.node" },
      "NABLA_CUDA_ADDON names /nowhere/cuda.node, which does not load: no such file",
    ],
    [
      { NABLA_CUDA_ADDON: fakeCuda, NABLA_FAKE_CUDA: '{ "reason": "there is no NVIDIA driver" }' },
      "there is no NVIDIA driver",
    ],
  ])("says why one cannot: %o", async (environment, reason) => {
    const { value } = await inWorker(({ devices: list }) => list(), undefined, environment);
    expect((value as unknown[])[1]).toEqual({ device: "cuda", available: false, reason });
    const { error } = await inWorker(({ ones }) => ones([1], { device: "cuda" }), undefined, environment);
    expect(error).toEqual({
      name: "DeviceError",
      code: "DEVICE",
      message: `ones: the device "cuda" cannot be used: ${reason}; mend that (npx nabla info says what was found) or use "cpu"`,
    });
  });
  test("of another build than the CPU's", async () => {
    const { error } = await inWorker(({ ones }) => [ones([1]), ones([1], { device: "cuda" })], undefined, {
      NABLA_CUDA_ADDON: fakeCuda,
      NABLA_FAKE_CUDA: '{ "ops": ["add", "other"] }',
    });
    expect(error).toMatchObject({ name: "NativeError", code: "NATIVE" });
    expect(error!.message).toMatch(
      /^native addons: the binaries of the CPU and of CUDA were built from different sources: kernel \d is \w+ in one and \w+ in the other, expected the same version of both$/,
    );
  });
});

describe("NABLA_DEVICE", () => {
  const where = ({ tensor: make, memory: count }: typeof nabla): unknown => {
    const x = make([1, 2]);
    return [x.device, x.add(1).dataSync().length, count().tensors, count("cpu").tensors];
  };
  test("is the device of new tensors", async () => {
    const environment = { NABLA_DEVICE: "cuda", NABLA_CUDA_ADDON: fakeCuda };
    const { value, error } = await inWorker(where, undefined, environment);
    expect(error).toBeUndefined();
    expect(value).toEqual(["cuda", 2, 3, 0]);
    expect((await inWorker(where, undefined, { NABLA_DEVICE: "cpu" })).value).toEqual(["cpu", 2, 3, 3]);
  });
  test("errors", async () => {
    const { error: unknown } = await inWorker(where, undefined, { NABLA_DEVICE: "tpu" });
    expect(unknown).toMatchObject({
      name: "ArgumentError",
      message: 'NABLA_DEVICE: unknown device: "tpu", expected one of cpu, cuda',
    });
    const { error } = await inWorker(where, undefined, { NABLA_DEVICE: "cuda", NABLA_CUDA_ADDON: "/no.node" });
    expect(error).toMatchObject({ name: "DeviceError" });
    expect(error!.message).toMatch(
      /^NABLA_DEVICE: the device "cuda" cannot be used: NABLA_CUDA_ADDON names \/no.node, /,
    );
  });
  test("NABLA_TF32", async () => {
    const { error } = await inWorker(where, undefined, {
      NABLA_DEVICE: "cuda",
      NABLA_CUDA_ADDON: fakeCuda,
      NABLA_TF32: "yes",
    });
    expect(error).toMatchObject({
      name: "ArgumentError",
      message: 'NABLA_TF32: unknown value: "yes", expected 0 or 1',
    });
  });
});

describe("withDevice", () => {
  test("gives what the function gives, made on the device", () => {
    expect(withDevice("cuda", () => zeros([2])).device).toBe("cuda");
    expect(withDevice("cuda", () => withDevice("cpu", () => zeros([2]))).device).toBe("cpu");
    expect(withDevice("cuda", () => zeros([2], { device: "cpu" })).device).toBe("cpu");
    expect(withDevice("cpu", () => withDevice("cpu", () => 3))).toBe(3);
  });
  test("ends with an error too", () => {
    expect(() => withDevice("cuda", () => expect.fail("stop"))).toThrow("stop");
    expect(tensor([1]).device).toBe("cpu");
  });
  test("errors", () => {
    const make = (): unknown => zeros([1]);
    expect(() => withDevice(wrong("tpu"), make)).toThrow(
      new DeviceError('withDevice: there is no device "tpu": expected "cpu" or "cuda"'),
    );
    expect(() => withDevice(wrong(undefined), make)).toThrow(
      'withDevice: not a device: undefined, expected "cpu" or "cuda"',
    );
    expect(() => withDevice("cpu", wrong(3))).toThrow("withDevice: not a function: 3, expected a function");
    expect(() => zeros([1], { device: wrong("gpu") })).toThrow('zeros: there is no device "gpu"');
    expect(() => memory(wrong("gpu"))).toThrow('memory: there is no device "gpu": expected "cpu" or "cuda"');
  });
});

describe("every function that makes a tensor takes a device", () => {
  const many = Array.from({ length: 100 }, (_, i) => i);
  const calls: Record<string, (options: { device: nabla.Device }) => Tensor> = {
    tensor: (options) => tensor([1, 2], options),
    "tensor of many": (options) => tensor(many, options),
    "tensor of halves": (options) => tensor(many, { dtype: "float16", ...options }),
    zeros: (options) => nabla.zeros([2], options),
    ones: (options) => nabla.ones([2], options),
    full: (options) => nabla.full([2], 7, options),
    eye: (options) => nabla.eye(3, 2, options),
    arange: (options) => nabla.arange(5, options),
    linspace: (options) => nabla.linspace(0, 1, 5, options),
    oneHot: (options) => nabla.oneHot([1, 0], 3, options),
    "oneHot of float16": (options) => nabla.oneHot([1, 0], 3, { dtype: "float16", ...options }),
    fromBuffer: (options) => nabla.fromBuffer(new Float32Array([1, 2]), options),
    rand: (options) => nabla.rand([5], options),
    randn: (options) => nabla.randn([5], options),
    truncatedNormal: (options) => nabla.truncatedNormal([5], options),
    randint: (options) => nabla.randint([5], { high: 9, ...options }),
    bernoulli: (options) => nabla.bernoulli([5], options),
    permutation: (options) => nabla.permutation(70, options),
  };
  test.each(Object.entries(calls))("%s", (_, make) => {
    const [onCpu, onCuda] = (["cpu", "cuda"] as const).map((device) => {
      setSeed(3);
      return make({ device });
    }) as [Tensor, Tensor];
    expect([onCpu.device, onCuda.device]).toEqual(["cpu", "cuda"]);
    expect([onCuda.shape, onCuda.dtype]).toEqual([onCpu.shape, onCpu.dtype]);
    // A logarithm or a cosine may be rounded another way on a GPU.
    const expected = onCpu.dataSync();
    onCuda.dataSync().forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(1e-6));
  });
});

describe("to", () => {
  test.each<DType>(["float32", "float64", "int32", "uint8", "bool", "bfloat16", "float16"])("%s", (dtype) => {
    const x = tensor([0, 1, 2, 3, 4, 5], { shape: [2, 3], dtype: "float32" })
      .cast(dtype)
      .transpose();
    const there = x.to("cuda");
    expect([there.device, there.dtype, there.shape]).toEqual(["cuda", dtype, [3, 2]]);
    expect(there.toArraySync()).toEqual(x.toArraySync());
    expect(to(there, "cpu").toArraySync()).toEqual(x.toArraySync());
    expect(to(there, "cpu").device).toBe("cpu");
  });
  test("a slice, no elements and a single one", () => {
    expect(
      tensor([1, 2, 3])
        .slice([[null, null, -2]])
        .to("cuda")
        .toArraySync(),
    ).toEqual([3, 1]);
    expect(zeros([2, 0, 3]).to("cuda").shape).toEqual([2, 0, 3]);
    expect(tensor(5).to("cuda").itemSync()).toBe(5);
  });
  test("the same device gives a view", () => {
    const x = tensor([1, 2]);
    const view = x.to("cpu");
    expect(view).not.toBe(x);
    x.assign(tensor([3, 4]));
    expect(view.toArraySync()).toEqual([3, 4]);
  });
  test("the gradient goes back", () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    const y = x.to("cuda");
    y.mul(y).sum().backward();
    expect(x.grad!.device).toBe("cpu");
    expect(x.grad!.toArraySync()).toEqual([2, 4, 6]);
    const there = tensor([2], { device: "cuda", requiresGrad: true });
    there.to("cpu").mul(x.sum()).add(there.to("cpu")).backward();
    expect(there.grad!.device).toBe("cuda");
    expect(there.grad!.toArraySync()).toEqual([7]);
  });
  test("gradients of gradients", () => {
    const cube = (x: Tensor): Tensor => {
      const y = x.to("cuda");
      return y.mul(y).mul(y).sum().to("cpu");
    };
    const second = grad((x: Tensor) => grad(cube)(x).sum());
    expect(second(tensor([1, 2])).toArraySync()).toEqual([6, 12]);
    expect(second(tensor([1, 2], { device: "cuda" })).device).toBe("cuda");
  });
  test("is released by tidy and dispose", () => {
    const [cpu, cuda] = [memory("cpu").tensors, memory("cuda").tensors];
    tidy(
      () =>
        void tensor([1, 2, 3])
          .to("cuda")
          .add(tensor([1], { device: "cuda" })),
    );
    expect([memory("cpu").tensors, memory("cuda").tensors]).toEqual([cpu, cuda]);
    const x = tensor([1]).to("cuda");
    expect(memory("cuda").tensors).toBe(cuda + 1);
    expect(memory().tensors).toBe(memory("cpu").tensors);
    expect(withDevice("cuda", () => memory().tensors)).toBe(cuda + 1);
    x.dispose();
    expect(memory("cuda").tensors).toBe(cuda);
  });
  test("errors", () => {
    expect(() => tensor([1]).to(wrong(undefined))).toThrow('to: not a device: undefined, expected "cpu" or "cuda"');
    expect(() => tensor([1]).to(wrong(1))).toThrow('to: not a device: 1, expected "cpu" or "cuda"');
    expect(() => tensor([1]).to(wrong("gpu"))).toThrow('to: there is no device "gpu": expected "cpu" or "cuda"');
    expect(() => to(wrong(1), "cpu")).toThrow("to: not a tensor: 1, expected a Tensor");
  });
});

describe("tensors of different devices in one op", () => {
  const here = tensor([1, 2]);
  const there = tensor([3, 4], { device: "cuda" });
  const message = (op: string, list: string, target = "cuda"): DeviceError =>
    new DeviceError(
      `${op}: the tensors are on different devices: ${list}, expected one: move those that are elsewhere, such as with x.to("${target}")`,
    );
  test.each([
    ["add", () => add(here, there), message("add", "cpu, cuda")],
    ["add", () => add(there, here.cast("float64")), message("add", "cuda, cpu")],
    ["matmul", () => there.reshape([1, 2]).matmul(here.reshape([2, 1])), message("matmul", "cuda, cpu")],
    ["concat", () => concat([here, here, there]), message("concat", "cpu, cpu, cuda")],
    ["assign", () => here.assign(there), message("assign", "cpu, cuda")],
    ["gather", () => gather(there, tensor([0], { dtype: "int32" })), message("gather", "cuda, cpu")],
  ])("%s", (_, call, error) => expect(call).toThrow(error));
  test("backward", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    expect(() => x.mul(2).backward(there)).toThrow(
      new DeviceError(
        'backward: the gradient is on another device: it is on cuda, the tensor on cpu: move it with gradient.to("cpu")',
      ),
    );
  });
  test("numbers fit any", () => {
    expect(there.mul(2).add(1).toArraySync()).toEqual([7, 9]);
    expect(here.mul(2).add(1).toArraySync()).toEqual([3, 5]);
    expect(there.maximum(3.5).device).toBe("cuda");
    expect(nabla.where(there.greater(3), there, 0).toArraySync()).toEqual([0, 4]);
  });
});

test("what a custom backward function makes is on the gradient's device", () => {
  const ones = customGrad({ forward: (x: Tensor) => x.mul(3), backward: (g) => nabla.ones(g.shape) });
  const x = tensor([1, 2], { device: "cuda", requiresGrad: true });
  ones(x).sum().backward();
  expect(x.grad!.device).toBe("cuda");
  expect(x.grad!.toArraySync()).toEqual([1, 1]);
});

test("an index out of range is an error of its own device's next wait", async () => {
  const there = tensor([1, 2], { device: "cuda" });
  const bad = there.gather([5]);
  expect(tensor([1]).add(1).toArraySync()).toEqual([2]);
  await expect(bad.data()).rejects.toThrow(IndexError);
  expect(there.add(1).toArraySync()).toEqual([2, 3]);
});

test("tensors show their device", () => {
  expect(tensor([1, 2], { device: "cuda" }).toString()).toContain("cuda");
});
