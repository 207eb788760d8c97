/**
 * Shows that the memory of attention grows with the length and not with its square: `npm run attention-memory`.
 *
 * For each length a process of its own runs scaledDotProductAttention forward and backward and prints the most bytes that the
 * engine ever held, beside those that the scores alone would take. Exits with 1 when eight times the length takes more than
 * nine times the memory.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { memory, randn, scaledDotProductAttention, tidy } from "nabla";

const [HEADS, SIZE] = [12, 64];
const LENGTHS = [512, 1024, 4096];
const GROWTH_ALLOWED = 9;

/** Bytes of the engine at its peak. */
function measure(length: number): number {
  const input = () => randn([1, HEADS, length, SIZE], { requiresGrad: true });
  const [q, k, v] = [input(), input(), input()];
  tidy(() => scaledDotProductAttention(q, k, v).sum().backward());
  for (const { grad } of [q, k, v]) grad!.dataSync();
  return memory().peakBytes;
}

const [given] = process.argv.slice(2);
if (given !== undefined) {
  console.log(measure(Number(given)));
} else {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`.padStart(11);
  console.log(`float32, ${HEADS} heads of ${SIZE}, forward and backward\n  length         peak   the scores alone`);
  const peaks = LENGTHS.map((length) => {
    const self = fileURLToPath(import.meta.url);
    const peak = Number(execFileSync(process.execPath, [self, String(length)], { encoding: "utf8" }));
    console.log(`${String(length).padStart(8)}  ${mib(peak)}   ${mib(4 * HEADS * length * length).padStart(16)}`);
    return peak;
  });
  const growth = peaks.at(-1)! / peaks[0]!;
  console.log(`  the last over the first: ${growth.toFixed(2)}`);
  if (!(growth <= GROWTH_ALLOWED)) process.exitCode = 1;
}
