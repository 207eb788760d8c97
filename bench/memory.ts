/**
 * Shows that training keeps its memory flat: `npm run memory`, or with `-- --steps 2000 --only fit`.
 *
 * `loop` is a training loop written by hand that never disposes, awaits or yields; `fit` is the model's own. Each
 * prints the process's resident memory and the engine's own count every tenth of its steps. Exits with 1 when the
 * resident memory at the end is more than a tenth above what it was after the first tenth.
 */
import { parseArgs } from "node:util";
import { conv2d, maxPool2d, memory, optimizers, randint, randn, softmaxCrossEntropy, type Tensor } from "nabla";
import { makeCnn } from "./harness/model.js";

const BATCH = 32;
const GROWTH_ALLOWED = 1.1;

const { values: options } = parseArgs({
  options: { steps: { type: "string", default: "10000" }, only: { type: "string" } },
});
const steps = Number(options.steps);
const every = Math.max(1, Math.floor(steps / 10));

/** Resident bytes at each report. */
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

const loops = { loop, fit };
const names = options.only === undefined ? Object.keys(loops) : [options.only];
for (const name of names) {
  const run = loops[name as keyof typeof loops];
  if (!run || !(steps >= 10)) throw new Error("expected --only loop or --only fit, and --steps of at least 10");
  const resident: number[] = [];
  await run(reporter(name, resident));
  const growth = resident.at(-1)! / resident[0]!;
  console.log(`  resident memory at the end over that after the first tenth: ${growth.toFixed(3)}`);
  if (!(growth <= GROWTH_ALLOWED)) process.exitCode = 1;
}
