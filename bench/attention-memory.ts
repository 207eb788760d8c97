/**
 * Shows that the memory of attention grows with the length and not with its square: `npm run attention-memory`.
 *
 * For each length processes of their own run scaledDotProductAttention forward, and forward and backward, and print the
 * most bytes that the engine ever held, beside those that the scores alone would take. Exits with 1 when eight times the
 * length takes more than nine times the memory.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { memory, randn, scaledDotProductAttention, tidy } from "nabla";

const [HEADS, SIZE] = [12, 64];
const LENGTHS = [512, 1024, 4096];
const GROWTH_ALLOWED = 9;
const MODES = ["forward", "forward+backward"] as const;
type Mode = (typeof MODES)[number];

/** Bytes of the engine at its peak, the inputs included. */
function measure(length: number, mode: Mode): number {
  const backward = mode === "forward+backward";
  const input = () => randn([1, HEADS, length, SIZE], { requiresGrad: backward });
  const [q, k, v] = [input(), input(), input()];
  tidy(() => {
    const y = scaledDotProductAttention(q, k, v);
    if (backward) y.sum().backward();
    else y.dataSync();
  });
  for (const { grad } of [q, k, v]) grad?.dataSync();
  return memory().peakBytes;
}

const [length, mode] = process.argv.slice(2);
if (length !== undefined) {
  console.log(measure(Number(length), mode as Mode));
} else {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const row = (first: string | number, ...cells: string[]): void =>
    console.log([String(first).padStart(10), ...cells.map((cell) => cell.padStart(18))].join(""));
  console.log(`float32, ${HEADS} heads of ${SIZE}: bytes of the engine at its peak`);
  row("length", ...MODES, "scores alone");
  const peaks = LENGTHS.map((tokens) => {
    const of = MODES.map((each) => {
      const args = [fileURLToPath(import.meta.url), String(tokens), each];
      return Number(execFileSync(process.execPath, args, { encoding: "utf8" }));
    });
    row(tokens, ...of.map(mib), mib(4 * HEADS * tokens * tokens));
    return of;
  });
  const growth = MODES.map((_, i) => peaks.at(-1)![i]! / peaks[0]![i]!);
  row("growth", ...growth.map((times) => times.toFixed(2)), "64.00");
  if (!growth.every((times) => times <= GROWTH_ALLOWED)) process.exitCode = 1;
}
