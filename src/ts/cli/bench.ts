import { Sequential, layers, ones, rand, randint } from "../index.js";
import { currentDevice, currentStream, streamOf } from "../device.js";

/** Each case runs this long, and at least this often. */
const MILLISECONDS = 1500;
const RUNS = 5;

interface Row {
  case: string;
  medianMs: number;
  bestMs: number;
  rate: string;
}

/** Times this machine, without competitors: `npm run bench` in a checkout compares. */
export async function bench(json: boolean): Promise<void> {
  const device = describeDevice();
  const rows: Row[] = [];
  if (!json) process.stdout.write(`${Object.values(device).join(", ")}; milliseconds\n`);
  for await (const row of cases()) {
    rows.push(row);
    if (!json) process.stdout.write(format(row));
  }
  if (json) process.stdout.write(`${JSON.stringify({ ...device, rows }, null, 2)}\n`);
}

/** What is timed: the device that is current by `NABLA_DEVICE`. */
function describeDevice(): Record<string, string | number> {
  if (currentDevice() === "cpu") {
    const { isa, threads } = streamOf("cpu").opened;
    return { device: "cpu", isa, threads };
  }
  const { name, capability } = streamOf("cuda").opened;
  return { device: "cuda", name, capability };
}

async function* cases(): AsyncGenerator<Row> {
  for (const n of [256, 512, 1024]) yield await matmul(n);
  for (const batch of [32, 128]) yield await trainingStep(batch);
}

async function matmul(n: number): Promise<Row> {
  const a = ones([n, n]);
  const b = ones([n, n]);
  const step = (): void => a.matmul(b).dispose();
  const wrong = (await a.matmul(b).data()).some((value) => value !== n);
  if (wrong) throw new Error(`matmul of ${n}: a wrong result`);
  const times = await measure(async () => {
    step();
    await currentStream().fence();
  });
  return summarize(`matmul ${n}x${n}x${n}`, times, (ms) => `${((2 * n ** 3) / ms / 1e6).toFixed(1)} GFLOP/s`);
}

/** The convolutional network of the README on random images. */
async function trainingStep(batch: number): Promise<Row> {
  const model = new Sequential([
    new layers.Conv2D({ filters: 32, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
    new layers.MaxPooling2D({ poolSize: 2 }),
    new layers.Conv2D({ filters: 64, kernelSize: 3, activation: "relu" }),
    new layers.MaxPooling2D({ poolSize: 2 }),
    new layers.Flatten(),
    new layers.Dense({ units: 128, activation: "relu" }),
    new layers.Dense({ units: 10, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  const x = rand([batch, 28, 28, 1]);
  const y = randint([batch], { high: 10 });
  const times = await measure(async () => {
    await model.trainOnBatch(x, y);
  });
  return summarize(`CNN training step, batch ${batch}`, times, (ms) => `${((batch / ms) * 1000).toFixed(0)} images/s`);
}

/** Milliseconds of each run, sorted. The first runs warm up and are not counted. */
async function measure(step: () => Promise<void>): Promise<number[]> {
  for (let i = 0; i < RUNS; i++) await step();
  const times: number[] = [];
  for (const end = performance.now() + MILLISECONDS; times.length < RUNS || performance.now() < end;) {
    const start = performance.now();
    await step();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}

function summarize(name: string, times: readonly number[], rate: (ms: number) => string): Row {
  const medianMs = times[times.length >> 1]!;
  return { case: name, medianMs, bestMs: times[0]!, rate: rate(medianMs) };
}

function format({ case: name, medianMs, bestMs, rate }: Row): string {
  const number = (ms: number): string => ms.toFixed(3).padStart(9);
  return `${name.padEnd(30)} median ${number(medianMs)}  best ${number(bestMs)}  ${rate}\n`;
}
