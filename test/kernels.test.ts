import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../src/ts/native/load.js";

// Every kernel on tensors that are cut into several tasks. The number of threads and the instruction set are fixed
// when a process starts, so each choice is a process of the compiled package, which `npm test` has built.
const script = fileURLToPath(new URL("./support/kernels-run.mjs", import.meta.url));
const compiled = fileURLToPath(new URL("../dist", import.meta.url));

interface Result {
  readonly bits: string;
  readonly dtype: string;
  readonly largest: number;
  readonly sample: readonly number[];
}

interface Run {
  readonly isa: string;
  readonly threads: number;
  readonly all: readonly string[];
  readonly ran: readonly string[];
  readonly results: Readonly<Record<string, readonly Result[]>>;
}

function run(environment: Record<string, string>): Run {
  const env = { ...process.env, ...environment };
  const text = execFileSync(process.execPath, [script, compiled], { env, encoding: "utf8", maxBuffer: 2 ** 27 });
  return JSON.parse(text) as Run;
}

/**
 * Relative to the result's largest value. Instruction sets add in another order and round polynomials differently:
 * a sum of n float32 numbers is off by some n^(1/2) roundings of 6e-8, here n <= 3,001, and Winograd's transforms,
 * which only wide instruction sets earn, cost a few roundings more.
 */
const TOLERANCE = 1e-5;

let one: Run;
beforeAll(() => {
  one = run({ NABLA_THREADS: "1" });
}, 120_000);

test("every kernel ran", () => {
  expect(one.all.length).toBeGreaterThan(100);
  expect(one.all.filter((name) => !one.ran.includes(name))).toEqual([]);
});

test.each([2, 3, 5])("%d threads give the bits of one thread", { timeout: 120_000 }, (threads) => {
  const several = run({ NABLA_THREADS: String(threads) });
  expect(several.threads).toBe(threads);
  const bits = ({ results }: Run): Record<string, string[]> =>
    Object.fromEntries(Object.entries(results).map(([name, list]) => [name, list.map((result) => result.bits)]));
  expect(bits(several)).toEqual(bits(one));
});

const { isa, isas } = loadAddon().info();
const others = isas.filter((name) => name !== isa);

describe.each(others)("%s", (other) => {
  test(`agrees with ${isa}`, { timeout: 240_000 }, () => {
    const run2 = run({ NABLA_ISA: other });
    expect(run2.isa).toBe(other);
    expect(run2.ran).toEqual(one.ran);
    let compared = 0;
    const apart: string[] = [];
    for (const [name, results] of Object.entries(one.results)) {
      results.forEach((result, i) => {
        const { dtype, sample } = run2.results[name]![i]!;
        const allowed = dtype.startsWith("float") ? TOLERANCE * Math.max(result.largest, 1e-30) : 0;
        const worst = Math.max(...result.sample.map((value, j) => Math.abs(value - sample[j]!)));
        compared += sample.length;
        if (!(worst <= allowed)) apart.push(`${name}, result ${i}: ${worst} apart, ${allowed} allowed`);
      });
    }
    expect(apart).toEqual([]);
    expect(compared).toBeGreaterThan(10_000);
  });
});
