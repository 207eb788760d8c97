import { beforeAll, expect, test } from "vitest";
import { memory, ones, type Tensor } from "nabla";
import { gradientDType } from "../src/ts/dtype.js";
import { currentStream } from "../src/ts/device.js";
import { Fuzzer, isTyped, opNames } from "./support/fuzz.js";

/** `npm run fuzz` runs this file against an addon with AddressSanitizer. */
const CALLS = Number(process.env["NABLA_FUZZ_CALLS"] ?? 100_000);
const SEED = process.env["NABLA_FUZZ_SEED"] ?? "1";
/** Larger results are not read: some calls ask for a thousand million elements. */
const MOST_READ = 100_000;

beforeAll(() => {
  // What is too large is to be an error, not a wait.
  process.env["NABLA_MEMORY_LIMIT"] = String(64 * 2 ** 20);
});

/** The first call of each kind that went wrong: one message for each op and each place in the sources. */
const wrong = new Map<string, string>();

function judge(op: string, what: string, error: unknown): void {
  if (error === undefined || isTyped(error)) return;
  const stack = error instanceof Error ? error.stack! : String(error);
  const place = /src\/ts\/[^\s)]+/.exec(stack)?.[0] ?? stack;
  if (!wrong.has(`${op} ${place}`)) wrong.set(`${op} ${place}`, `${what}: ${stack.split("\n").slice(0, 4).join("\n")}`);
}

function attempt(op: string, what: string, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    judge(op, what, error);
  }
}

test(
  `${CALLS} calls with random arguments give tensors or errors of nabla's`,
  () => {
    const fuzzer = new Fuzzer(SEED);
    const good = new Map<string, number>();
    const bad = new Map<string, number>();
    const add = (counts: Map<string, number>, op: string): unknown => counts.set(op, (counts.get(op) ?? 0) + 1);
    let before = 0;
    for (let i = 0; i < CALLS; i++) {
      if (i === Math.floor(CALLS / 2)) before = settle();
      const { op, text, results, error } = fuzzer.call();
      judge(op, `call ${i}, ${text}`, error);
      add(error === undefined ? good : bad, op);
      for (const result of results) {
        if (result.size <= MOST_READ && fuzzer.chance(0.3))
          attempt(op, `call ${i}, ${text}, read`, () => result.dataSync());
        if (result.requiresGrad && result.size <= MOST_READ && fuzzer.chance(0.3)) {
          attempt(op, `call ${i}, ${text}, backward`, () => differentiate(result));
        }
        if (fuzzer.chance(0.5)) result.dispose();
      }
    }
    const after = settle();
    expect(Array.from(wrong.values())).toEqual([]);
    const total = (counts: Map<string, number>): number => Array.from(counts.values()).reduce((a, b) => a + b, 0);
    console.log(`${total(good)} calls gave tensors, ${total(bad)} threw errors, over ${opNames.length} ops`);
    // Each op was called both ways, with the few calls of a short run excepted.
    if (CALLS >= 50_000) {
      expect(opNames.filter((op) => !bad.has(op) && !good.has(op))).toEqual([]);
      expect(good.size).toBeGreaterThan(opNames.length * 0.8);
    }
    // Nothing of the second half is left; constants that ops keep are a few dozen tensors of one element.
    expect(after - before).toBeLessThan(500);
  },
  30 * 60_000,
);

function differentiate(result: Tensor): void {
  result.backward(ones(result.shape, { dtype: gradientDType(result.dtype)! }));
}

/** Tensors that are left when nothing refers to those of the calls any more. */
function settle(): number {
  attempt("wait", "wait", () => currentStream().wait());
  currentStream().sweep();
  return memory().tensors;
}
