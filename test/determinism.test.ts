import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

// The compiled package, which `npm test` has built: the number of threads is fixed when a process starts.
const script = fileURLToPath(new URL("./support/train-digest.mjs", import.meta.url));
const randomScript = fileURLToPath(new URL("./support/random-digest.mjs", import.meta.url));
const compiled = fileURLToPath(new URL("../dist/index.js", import.meta.url));

function train(threads: number): { weights: string; history: Record<string, number[]> } {
  const env = { ...process.env, NABLA_THREADS: String(threads) };
  return JSON.parse(execFileSync(process.execPath, [script, compiled], { env, encoding: "utf8" })) as ReturnType<
    typeof train
  >;
}

it("the same seed gives bit-identical weights and figures, run to run and with 1, 2 and 3 threads", () => {
  const first = train(1);
  expect(first.weights).toMatch(/^[0-9a-f]{64}$/);
  expect(first.history["loss"]).toHaveLength(2);
  expect(first.history["valAccuracy"]).toHaveLength(2);
  for (const threads of [1, 2, 3, 2]) expect(train(threads)).toEqual(first);
});

function draw(environment: Record<string, string>): Record<string, string> {
  const env = { ...process.env, ...environment };
  return JSON.parse(execFileSync(process.execPath, [randomScript, compiled], { env, encoding: "utf8" })) as Record<
    string,
    string
  >;
}

it("the same seed gives the same random numbers with 1, 2 and 3 threads and on every instruction set", () => {
  const first = draw({ NABLA_THREADS: "1" });
  expect(Object.keys(first)).toEqual([
    "rand",
    "randint",
    "bernoulli",
    "permutation",
    "shuffle",
    "dropout",
    "randn",
    "truncatedNormal",
  ]);
  for (const digest of Object.values(first)) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  for (const threads of ["2", "3"]) expect(draw({ NABLA_THREADS: threads })).toEqual(first);
  // Logarithms may differ in the last bit from one instruction set to another.
  const { randn: _n, truncatedNormal: _t, ...exact } = first;
  expect(draw({ NABLA_ISA: "scalar" })).toMatchObject(exact);
});
