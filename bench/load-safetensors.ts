/**
 * Shows what it takes to load a checkpoint: `npm run load-safetensors`.
 *
 * Writes a file of 250 MB in tensors of DistilBERT's sizes, and then, in turn and in processes of their own, reads all its
 * bytes with node:fs and loads it with nabla. Prints medians of the times, and by how much the memory of JavaScript and of
 * the process was above what it was before, at most. Exits with 1 when nabla's tensors differ from what was written, or when
 * JavaScript ever holds much more than the largest tensor.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { io, randn, setSeed, type Tensor } from "nabla";
import { summarize } from "./harness/statistics.js";

const ROUNDS = 9;
const [WIDTH, WORDS, LAYERS] = [768, 30_522, 6];
const MODES = ["read", "load"] as const;
type Mode = (typeof MODES)[number];

interface Outcome {
  readonly milliseconds: number;
  /** Bytes of JavaScript's buffers, and of the process, at their most above the start. */
  readonly buffers: number;
  readonly resident: number;
  /** The sum of a few elements, to be the same in all processes. */
  readonly check: number;
}

/** Names and shapes of DistilBERT's tensors, cut off at 250 MB. */
function shapes(): Map<string, number[]> {
  const all = new Map([["embeddings", [WORDS, WIDTH]]]);
  for (let layer = 0; layer < LAYERS; layer++) {
    for (const name of ["q", "k", "v", "out"]) all.set(`${layer}.${name}`, [WIDTH, WIDTH]);
    all.set(`${layer}.lin1`, [4 * WIDTH, WIDTH]).set(`${layer}.lin2`, [WIDTH, 4 * WIDTH]);
    for (const name of ["b1", "b2", "gamma", "beta"]) all.set(`${layer}.${name}`, [WIDTH]);
  }
  return all;
}

async function readAll(file: string): Promise<number> {
  const handle = await open(file);
  const { size } = await handle.stat();
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += (await handle.read(bytes, at, Math.min(size - at, 2 ** 23), at)).bytesRead);
  await handle.close();
  return bytes[size - 1]!;
}

async function loadAll(file: string): Promise<Map<string, Tensor>> {
  const { tensors } = await io.loadSafetensors(file);
  // An element of the last one is there: so are all.
  await [...tensors.values()].at(-1)!.reshape([-1]).index(-1).item();
  return tensors;
}

async function measure(file: string, mode: Mode): Promise<Outcome> {
  const start = process.memoryUsage();
  let [buffers, resident] = [0, 0];
  const watch = setInterval(() => {
    const now = process.memoryUsage();
    buffers = Math.max(buffers, now.arrayBuffers - start.arrayBuffers);
    resident = Math.max(resident, now.rss - start.rss);
  }, 1);
  const from = performance.now();
  const held = mode === "read" ? await readAll(file) : await loadAll(file);
  const milliseconds = performance.now() - from;
  await new Promise((resolve) => setTimeout(resolve, 5));
  clearInterval(watch);
  let check = 0;
  if (typeof held !== "number") {
    for (const tensor of held.values()) check += await tensor.reshape([-1]).index(-1).item();
  }
  return { milliseconds, buffers, resident, check };
}

const [file, mode] = process.argv.slice(2);
if (file !== undefined) {
  console.log(JSON.stringify(await measure(file, mode as Mode)));
} else {
  setSeed(1);
  const folder = mkdtempSync(join(tmpdir(), "nabla-load-"));
  try {
    const path = join(folder, "model.safetensors");
    const tensors = Object.fromEntries([...shapes()].map(([name, shape]) => [name, randn(shape)]));
    await io.saveSafetensors(path, tensors);
    const bytes = Object.values(tensors).reduce((sum, { size }) => sum + 4 * size, 0);
    let expected = 0;
    for (const tensor of Object.values(tensors)) expected += await tensor.reshape([-1]).index(-1).item();
    const outcomes: Record<Mode, Outcome[]> = { read: [], load: [] };
    for (let round = 0; round <= ROUNDS; round++) {
      for (const each of MODES) {
        const args = [fileURLToPath(import.meta.url), path, each];
        const outcome = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Outcome;
        // The first round brings the file into the system's cache.
        if (round > 0) outcomes[each].push(outcome);
      }
    }
    const mb = (value: number): string => `${(value / 1e6).toFixed(0)} MB`;
    console.log(`a file of ${mb(bytes)} in ${Object.keys(tensors).length} tensors, ${ROUNDS} rounds`);
    for (const each of MODES) {
      const { median, q1, q3 } = summarize(outcomes[each].map(({ milliseconds }) => milliseconds));
      const most = (key: "buffers" | "resident"): string => mb(Math.max(...outcomes[each].map((o) => o[key])));
      console.log(
        `  ${each}: ${median.toFixed(0)} ms (${q1.toFixed(0)} to ${q3.toFixed(0)}), ` +
          `buffers of JavaScript up to ${most("buffers")}, the process ${most("resident")}`,
      );
    }
    const ratios = outcomes.load.map(({ milliseconds }, i) => milliseconds / outcomes.read[i]!.milliseconds);
    console.log(`  load over read: ${summarize(ratios).median.toFixed(2)}`);
    const largest = 4 * WORDS * WIDTH;
    const wrong = outcomes.load.some(({ check }) => Math.abs(check - expected) > 1e-4 * Math.abs(expected));
    const more = outcomes.load.some(({ buffers }) => buffers > 1.2 * largest);
    if (wrong || more) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
