/**
 * What JavaScript pays for small things, in operations a second: `npm run in-process`. No competitors: these are
 * figures to watch from change to change.
 */
import assert from "node:assert/strict";
import Benchmark from "benchmark";
import { noGrad, tensor, tidy } from "nabla";

const x = tensor(Float32Array.from({ length: 16 }, (_, i) => i - 8));
const w = tensor(
  Float32Array.from({ length: 16 }, (_, i) => i / 16),
  { requiresGrad: true },
);

function gradient(): number {
  w.grad?.dispose();
  w.grad = null;
  tidy(() => x.mul(w).add(x).relu().mean().backward());
  return w.grad!.dataSync()[15]!;
}

const cases: { name: string; run: () => unknown; check: () => void }[] = [
  {
    name: "tensor() of 16 floats",
    run: () => tensor(new Float32Array(16)).dispose(),
    check: () => assert.equal(tensor(new Float32Array(16)).size, 16),
  },
  {
    name: "add of 16 floats, disposed of",
    run: () => x.add(x).dispose(),
    check: () => assert.equal(x.add(x).dataSync()[15], 14),
  },
  {
    name: "add of 16 floats, left to the collector",
    run: () => x.add(x),
    check: () => assert.equal(x.add(x).dataSync()[0], -16),
  },
  {
    name: "add of 16 floats, recorded for a gradient",
    run: () => w.add(x).dispose(),
    check: () => assert.equal(w.add(x).requiresGrad, true),
  },
  {
    name: "add of 16 floats under noGrad",
    run: () => noGrad(() => w.add(x)).dispose(),
    check: () => assert.equal(noGrad(() => w.add(x)).requiresGrad, false),
  },
  {
    name: "add of 16 floats and dataSync()",
    run: () => tidy(() => x.add(x).dataSync()),
    check: () => assert.equal(x.add(x).dataSync().length, 16),
  },
  { name: "four ops, backward() and dataSync()", run: gradient, check: () => assert.equal(gradient(), 7 / 16) },
];

const suite = new Benchmark.Suite();
for (const { name, run, check } of cases) {
  check();
  suite.add(name, run);
}
suite.on("cycle", (event: Benchmark.Event) => console.log(String(event.target)));
suite.on("error", (event: Benchmark.Event) => {
  console.error((event.target as unknown as Benchmark).error);
  process.exitCode = 1;
});
suite.run();
