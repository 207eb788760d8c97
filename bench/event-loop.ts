/**
 * Shows that the event loop stays free while `fit` runs at full speed: `npm run event-loop`.
 *
 * An HTTP server in the training process answers a client in another process. Exits with 1 when the delay of the
 * event loop reaches 20 ms at the 99th percentile, or no request was answered.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { randint, randn } from "nabla";
import { makeCnn } from "./harness/model.js";
import { summarize } from "./harness/statistics.js";

const IMAGES = 8192;
const EPOCHS = 4;
const ALLOWED_MS = 20;

/** Sends one request after another until it is told to stop, then reports the milliseconds that each took. */
async function client(url: string): Promise<void> {
  const times: number[] = [];
  const stop = new AbortController();
  process.once("message", () => stop.abort());
  while (!stop.signal.aborted) {
    const start = performance.now();
    await (await fetch(url)).text();
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  process.send!(times, () => process.disconnect());
}

async function training(): Promise<void> {
  const model = makeCnn();
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const x = randn([IMAGES, 28, 28, 1]);
  const y = randint([IMAGES], { high: 10 });
  await model.fit(x, y, { epochs: 1, batchSize: 32, verbose: 0 });

  const server = createServer((_, response) => response.end("training\n")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const child = fork(fileURLToPath(import.meta.url), [`http://127.0.0.1:${(server.address() as AddressInfo).port}/`]);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  await model.fit(x, y, { epochs: EPOCHS, batchSize: 32, verbose: 0 });
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  child.send("stop");
  const [times] = (await once(child, "message")) as [number[]];
  server.close();

  const ms = (nanoseconds: number): string => `${(nanoseconds / 1e6).toFixed(1)} ms`;
  const requests = summarize(times);
  console.log(`fit: ${((IMAGES * EPOCHS) / seconds).toFixed(0)} images a second for ${seconds.toFixed(1)} s`);
  console.log(
    `event loop delay: median ${ms(delay.percentile(50))}, p99 ${ms(delay.percentile(99))}, most ${ms(delay.max)}`,
  );
  console.log(
    `HTTP: ${times.length} requests answered, median ${requests.median.toFixed(1)} ms, most ${Math.max(...times).toFixed(1)} ms`,
  );
  if (!(delay.percentile(99) < ALLOWED_MS * 1e6) || times.length === 0) process.exitCode = 1;
}

const url = process.argv[2];
await (url === undefined ? training() : client(url));
