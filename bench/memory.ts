/**
 * Shows that training keeps its memory flat: `npm run memory`.
 *
 * `loop` is a training loop written by hand that never disposes, awaits or yields; `fit` is the model's own. Each
 * prints the process's resident memory and the engine's own count twenty times. Exits with 1 when the most of the second
 * half is more than a tenth above the most of the first half, within which JavaScript's collector comes and goes.
 */
import { parseArgs } from "node:util";
import { conv2d, maxPool2d, memory, optimizers, randint, randn, softmaxCrossEntropy, type Tensor } from "nabla";
import { makeCnn } from "./harness/model.js";

const BATCH = 32;
const GROWTH_ALLOWED = 1.1;

const { values: options, positionals } = parseArgs({
  options: { steps: { type: "string", default: "10000" } },
  allowPositionals: true,
});
const steps = Number(options.steps);
const every = Math.floor(steps / 20);

/** Called after each step. */
type Report = (step: number) => void;

function reporter(name: string, resident: number[]): Report {
  console.log(`\n${name}: ${steps} steps of ${BATCH} images`);
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`.padStart(9);
  return (step) => {
    if (step % every !== 0) return;
    const { tensors, bytes, cachedBytes, peakBytes } = memory();
    const { rss, heapUsed } = process.memoryUsage();
    resident.push(rss);
    console.log(
      `  step ${String(step).padStart(6)}  resident ${mib(rss)}  JS heap ${mib(heapUsed)}  ` +
        `tensors ${String(tensors).padStart(6)}, ${mib(bytes)}  cached ${mib(cachedBytes)}  peak ${mib(peakBytes)}`,
    );
  };
}

/** Synchronous from the first to the last step. */
function loop(report: Report): void {
  const weight = (...shape: number[]): Tensor => randn(shape, { deviation: 0.05, requiresGrad: true });
  const kernels = [weight(3, 3, 1, 32), weight(3, 3, 32, 64), weight(1600, 128), weight(128, 10)] as const;
  const biases = [weight(32), weight(64), weight(128), weight(10)] as const;
  const optimizer = new optimizers.Adam({ learningRate: 1e-4, parameters: [...kernels, ...biases] });
  const images = randn([BATCH, 28, 28, 1]);
  const labels = randint([BATCH], { high: 10 });
  for (let step = 1; step <= steps; step++) {
    let x = maxPool2d(conv2d(images, kernels[0], { bias: biases[0] }).relu(), { poolSize: 2 });
    x = maxPool2d(conv2d(x, kernels[1], { bias: biases[1] }).relu(), { poolSize: 2 });
    x = x.reshape([BATCH, 1600]).matmul(kernels[2]).add(biases[2]).relu();
    const logits = x.matmul(kernels[3]).add(biases[3]);
    const loss = softmaxCrossEntropy(logits, labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    report(step);
  }
}

async function fit(report: Report): Promise<void> {
  const model = makeCnn();
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const perEpoch = Math.min(steps, 250);
  const x = randn([perEpoch * BATCH, 28, 28, 1]);
  const y = randint([perEpoch * BATCH], { high: 10 });
  let step = 0;
  await model.fit(x, y, {
    epochs: Math.ceil(steps / perEpoch),
    batchSize: BATCH,
    verbose: 0,
    callbacks: [{ onTrainBatchEnd: () => report(++step) }],
  });
}

const loops: Record<string, (report: Report) => void | Promise<void>> = { loop, fit };
const [name = ""] = positionals;
const run = loops[name];
if (!run || !(steps >= 5000))
  throw new Error("usage: node dist/memory.js loop|fit [--steps N], with 5000 steps or more");
const resident: number[] = [];
await run(reporter(name, resident));
const half = resident.length / 2;
const growth = Math.max(...resident.slice(half)) / Math.max(...resident.slice(0, half));
console.log(`  most resident memory in the second half over the first: ${growth.toFixed(3)}`);
if (!(growth <= GROWTH_ALLOWED)) process.exitCode = 1;
