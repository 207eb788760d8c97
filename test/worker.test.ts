// Several engines in one process: each worker thread has its own stream, ids, random numbers and memory.
import type { MessagePort } from "node:worker_threads";
import { expect, test } from "vitest";
import { devices, tensor } from "nabla";
import { answerOf, inWorker, startWorker } from "./support/worker.js";

test("several workers at once", async () => {
  const train = ({ setSeed, randn, rand, noGrad }: typeof import("nabla"), seed: number): number[] => {
    setSeed(seed);
    const x = rand([32, 16]);
    let w = randn([16, 4], { requiresGrad: true });
    for (let step = 0; step < 50; step++) {
      x.matmul(w).tanh().square().mean().backward();
      w = noGrad(() => w.sub(w.grad!.mul(0.1)));
      w.requiresGrad = true;
    }
    return Array.from(w.dataSync());
  };
  const seeds = [1, 2, 3, 1];
  const answers = await Promise.all(seeds.map((seed) => inWorker(train, seed)));
  const values = answers.map(({ value, error }) => {
    expect(error).toBeUndefined();
    return value as number[];
  });
  expect(values[0]).toHaveLength(64);
  expect(values[0]).toEqual(values[3]);
  expect(values[0]).not.toEqual(values[1]);
  // The engine of this thread is another one, and goes on.
  expect(tensor([1, 2]).sum().itemSync()).toBe(3);
});

test("terminated in the middle of work, 20 times", async () => {
  const busy = async ({ rand }: typeof import("nabla"), _: unknown, port: MessagePort): Promise<void> => {
    let x = rand([256, 256]);
    port.postMessage("started");
    for (;;) {
      x = x.matmul(x).tanh();
      if (Math.random() < 0.1) void x.data();
      if (Math.random() < 0.05) await x.mean().item();
    }
  };
  for (let i = 0; i < 20; i++) {
    const worker = startWorker(busy);
    const messages: unknown[] = [];
    worker.on("message", (message) => messages.push(message));
    await new Promise((resolve) => worker.once("message", resolve));
    await new Promise((resolve) => setTimeout(resolve, i % 5));
    await worker.terminate();
    expect(messages).toEqual(["started"]); // and no error
  }
  expect(tensor([1, 2]).sum().itemSync()).toBe(3);
});

test("a worker that ends by itself with work under way", async () => {
  const worker = startWorker(({ rand }) => {
    const x = rand([256, 256]);
    for (let i = 0; i < 50; i++) void x.matmul(x).data();
    process.exit(7);
  });
  expect(await new Promise((resolve) => worker.once("exit", resolve))).toBe(7);
});

test("a tensor from another worker is refused", async () => {
  const answer = await inWorker(({ tensor: make }, posted) => make([1]).add(posted as never), tensor([1, 2]));
  expect(answer.error).toEqual({
    name: "DeviceError",
    code: "DEVICE",
    message:
      "add: the tensor belongs to another thread or another copy of nabla: post its data() and rebuild it with tensor()",
  });
});

test("data travels by way of typed arrays", async () => {
  const { value } = await inWorker(
    ({ tensor: make }, data) =>
      make(data, { shape: [2, 2] })
        .transpose()
        .dataSync(),
    await tensor([
      [1, 2],
      [3, 4],
    ]).data(),
  );
  expect(Array.from(value as Float32Array)).toEqual([1, 3, 2, 4]);
});

test("answers of failing workers are their errors", async () => {
  const worker = startWorker(({ zeros }) => zeros([-1]));
  expect((await answerOf(worker)).error?.message).toContain("sizes must be integers");
  expect(devices()[0]).toMatchObject({ device: "cpu", available: true });
});
