/**
 * Shows what freezing saves: `npm run frozen-base`.
 *
 * Training steps of VGG16 with a new head on images of noise, in turn and in processes of their own: with the base
 * frozen, and with all of it trained. Prints medians of the times and the most bytes that the engine held. Exits with 1 when the
 * frozen step does gradient work for the base, or takes more than half of the memory.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Model, applications, layers, memory, optimizers, randint, randn, setSeed } from "nabla";
import { summarize } from "./harness/statistics.js";

const [BATCH, SIDE, ROUNDS, STEPS] = [8, 224, 3, 3];
const MODES = ["frozen", "unfrozen"] as const;
type Mode = (typeof MODES)[number];

interface Outcome {
  readonly milliseconds: number;
  readonly peakBytes: number;
  /** Parameters that the step changed. */
  readonly trained: number;
}

async function measure(mode: Mode): Promise<Outcome> {
  setSeed(1);
  const base = await applications.VGG16({ includeTop: false, inputShape: [SIDE, SIDE, 3] });
  base.trainable = mode === "unfrozen";
  const flat = new layers.Flatten().apply(base.output);
  const hidden = new layers.Dense({ units: 256, activation: "relu" }).apply(flat);
  const outputs = new layers.Dense({ units: 10, activation: "softmax" }).apply(hidden);
  const model = new Model({ inputs: base.input, outputs });
  model.compile({ optimizer: new optimizers.SGD({ learningRate: 1e-4 }), loss: "sparseCategoricalCrossentropy" });
  const x = randn([BATCH, SIDE, SIDE, 3]);
  const y = randint([BATCH], { high: 10 });
  const step = async (): Promise<number> => {
    const start = performance.now();
    await model.trainOnBatch(x, y);
    return performance.now() - start;
  };
  await step();
  const times: number[] = [];
  for (let i = 0; i < STEPS; i++) times.push(await step());
  const trained = model.trainableWeights.reduce((sum, { size }) => sum + size, 0);
  return { milliseconds: summarize(times).median, peakBytes: memory().peakBytes, trained };
}

const [mode] = process.argv.slice(2);
if (mode !== undefined) {
  console.log(JSON.stringify(await measure(mode as Mode)));
} else {
  const outcomes: Record<Mode, Outcome[]> = { frozen: [], unfrozen: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const each of MODES) {
      const args = [fileURLToPath(import.meta.url), each];
      outcomes[each].push(JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Outcome);
    }
  }
  console.log(`VGG16 with a head of 256 and 10 units, ${BATCH} images of ${SIDE} x ${SIDE}, ${ROUNDS} rounds`);
  const most = (each: Mode): number => Math.max(...outcomes[each].map(({ peakBytes }) => peakBytes));
  for (const each of MODES) {
    const { median } = summarize(outcomes[each].map(({ milliseconds }) => milliseconds));
    const mib = (most(each) / 2 ** 20).toFixed(0);
    console.log(
      `  ${each}: ${median.toFixed(0)} ms a step, ${mib} MiB, ${outcomes[each][0]!.trained} parameters trained`,
    );
  }
  const ratios = outcomes.frozen.map(({ milliseconds }, i) => milliseconds / outcomes.unfrozen[i]!.milliseconds);
  const memoryRatio = most("frozen") / most("unfrozen");
  console.log(`  frozen over unfrozen: time ${summarize(ratios).median.toFixed(2)}, memory ${memoryRatio.toFixed(2)}`);
  const head = 7 * 7 * 512 * 256 + 256 + 256 * 10 + 10;
  if (outcomes.frozen[0]!.trained !== head || memoryRatio > 0.5) process.exitCode = 1;
}
