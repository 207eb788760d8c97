// What the environment variables do, each in a worker with an environment of its own.
import { describe, expect, test } from "vitest";
import { loadAddon } from "../src/ts/native/load.js";
import { inWorker } from "./support/worker.js";

type Nabla = typeof import("nabla");

const start = ({ tensor }: Nabla): number => tensor([1, 2]).sum().itemSync();

describe("wrong values are refused when the engine starts", () => {
  test.each([
    [{ NABLA_ISA: "sse2" }, 'NABLA_ISA: unknown instruction set: "sse2", expected one of scalar, avx2, avx512, neon'],
    [
      { NABLA_THREADS: "two" },
      'NABLA_THREADS: not a number of the right size: "two", expected an integer from 1 to 1024',
    ],
    [{ NABLA_THREADS: "0" }, 'NABLA_THREADS: not a number of the right size: "0", expected an integer from 1 to 1024'],
    [
      { NABLA_THREADS: "1.5" },
      'NABLA_THREADS: not a number of the right size: "1.5", expected an integer from 1 to 1024',
    ],
    [{ NABLA_PIN: "yes" }, 'NABLA_PIN: unknown value: "yes", expected 0 or 1'],
    [{ NABLA_CONV: "fft" }, 'NABLA_CONV: unknown algorithm: "fft", expected one of auto, im2col, winograd'],
    [{ NABLA_SYNC: "true" }, 'NABLA_SYNC: unknown value: "true", expected 0 or 1'],
    [
      { NABLA_MEMORY_LIMIT: "1GB" },
      'NABLA_MEMORY_LIMIT: not a number of the right size: "1GB", expected an integer from 1 to 9007199254740991',
    ],
  ])("%o", async (env, message) => {
    const { error } = await inWorker(start, undefined, env);
    expect(error).toEqual({ name: "ArgumentError", code: "ARGUMENT", message });
  });
});

test("an instruction set of other CPUs is refused", async () => {
  const { isa } = loadAddon().info();
  const foreign = isa === "neon" ? "avx2" : "neon";
  const { error } = await inWorker(start, undefined, { NABLA_ISA: foreign });
  const message = `NABLA_ISA: this CPU lacks "${foreign}": the best it has is "${isa}"`;
  expect(error).toEqual({ name: "ArgumentError", code: "ARGUMENT", message });
});

test.each([{ NABLA_ISA: "scalar" }, { NABLA_THREADS: "3" }, { NABLA_PIN: "0" }, { NABLA_PIN: "1" }, { NABLA_ISA: "" }])(
  "%o",
  async (env) => expect((await inWorker(start, undefined, env)).value).toBe(3),
);

describe("NABLA_SYNC", () => {
  const when = ({ tensor, gather }: Nabla): string => {
    try {
      gather(tensor([1]), [7]);
    } catch (error) {
      return `at the op: ${(error as Error).message}`;
    }
    return "later";
  };
  test("throws where the error arises", async () => {
    const { value } = await inWorker(when, undefined, { NABLA_SYNC: "1" });
    expect(value).toBe("at the op: gather: index 7 at position 0 is outside [0, 1)");
  });
  test("off, the next wait throws", async () => {
    expect((await inWorker(when, undefined, { NABLA_SYNC: "0" })).value).toBe("later");
  });
});

describe("NABLA_MEMORY_LIMIT", () => {
  const MB = 2 ** 20;
  test("a tensor beyond it is an OutOfMemoryError of the next wait, and the engine goes on", async () => {
    const { value } = await inWorker(
      async ({ zeros, ones }) => {
        const messages: string[] = [];
        for (const wait of [
          () =>
            zeros([2 ** 26])
              .sum()
              .dataSync(),
          () => zeros([2 ** 26]).data(),
        ]) {
          try {
            await wait();
          } catch (error) {
            messages.push(`${(error as Error).name}: ${(error as Error).message}`);
          }
        }
        return { messages, after: ones([4]).sum().itemSync() };
      },
      undefined,
      { NABLA_MEMORY_LIMIT: String(64 * MB) },
    );
    const { messages, after } = value as { messages: string[]; after: number };
    expect(messages).toHaveLength(2);
    for (const message of messages) expect(message).toMatch(/^OutOfMemoryError: fill: .*(memory|bytes|MiB)/);
    expect(after).toBe(4);
  });
  test("a loop that never disposes stays below it", async () => {
    const { value, error } = await inWorker(
      ({ ones, memory }) => {
        let x = ones([2 ** 18]);
        for (let i = 0; i < 500; i++) x = x.add(1); // 500 MB in all
        return [x.dataSync()[0], memory().peakBytes];
      },
      undefined,
      { NABLA_MEMORY_LIMIT: String(64 * MB) },
    );
    expect(error).toBeUndefined();
    const [last, peak] = value as number[];
    expect(last).toBe(501);
    expect(peak).toBeLessThanOrEqual(64 * MB);
  });
});

describe("the same seed gives the same bits", () => {
  // Sizes beyond what one thread gets, through every kind of kernel.
  const compute = ({
    setSeed,
    rand,
    randn,
    dropout,
    conv2d,
    maxPool2d,
    matmul,
    softmaxCrossEntropy,
    randint,
  }: Nabla): string => {
    setSeed(11);
    const x = rand([16, 24, 24, 3]);
    const k = randn([3, 3, 3, 16], { deviation: 0.2, requiresGrad: true });
    const bias = randn([16], { requiresGrad: true });
    const w = randn([11 * 11 * 16, 10], { deviation: 0.05, requiresGrad: true });
    const labels = randint([16], { high: 10 });
    const pooled = maxPool2d(conv2d(x, k, { bias, activation: "relu" }));
    const logits = matmul(dropout(pooled.reshape([16, -1]), 0.25), w);
    const loss = softmaxCrossEntropy(logits, labels).add(w.square().mean()).add(logits.softmax().max().log());
    loss.backward();
    const parts = [loss, k.grad!, bias.grad!, w.grad!, matmul(rand([300, 200]), rand([200, 500])).sum({ axis: 0 })];
    return parts.map((part) => Buffer.from(part.dataSync().slice().buffer).toString("base64")).join();
  };
  test("with 1, 2 and 3 threads, and run to run", async () => {
    const runs = ["1", "2", "3", "2"].map((threads) => ({ NABLA_THREADS: threads, NABLA_PIN: "0" }));
    const answers = [];
    for (const env of runs) answers.push(await inWorker(compute, undefined, env));
    for (const { value, error } of answers) {
      expect(error).toBeUndefined();
      expect((value as string).length).toBeGreaterThan(10_000);
      expect(value).toBe(answers[0]!.value);
    }
  });
});
