import type { Case } from "../cases/case.js";
import { formatPeaks, formatRate, formatRatio, formatShare, formatSpread, formatValue, threadsText } from "./format.js";
import type { CaseResult } from "./measure.js";
import { rateOf, type Peaks } from "./peaks.js";

const COLUMNS = [12, 10, 18, 15, 6, 34] as const;

function row(...cells: string[]): string {
  const padded = cells.map((cell, i) => cell.padEnd(COLUMNS[i] ?? 0));
  return `  ${padded.join(" ")}`.trimEnd();
}

export function printHeader(peaks: Peaks, versions: Readonly<Record<string, string>>): void {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  console.log(`\n${threadsText(peaks.threads)}: ${list.join(", ")}`);
  console.log(`This machine: ${formatPeaks(peaks)}\n`);
  console.log(row("competitor", "median", "quartiles", "rate", "peak", "nabla / best peer"));
}

export function printCase({ name, work, measure }: Case, result: CaseResult, peaks: Peaks): void {
  console.log(name);
  for (const { competitor, value, variant } of result.results) {
    const rate = work && rateOf(work, value.median, peaks);
    console.log(
      row(
        competitor,
        formatValue(value.median, measure),
        formatSpread(value, measure),
        rate ? formatRate(rate) : "",
        rate ? formatShare(rate) : "",
        competitor === "nabla" && result.ratio ? formatRatio(result.ratio) : "",
        variant ?? "",
      ),
    );
  }
  const ours = result.unsupported.find(({ competitor }) => competitor === "nabla");
  if (ours) console.log(row("nabla", `unsupported: ${ours.message}`));
  for (const { competitor, message } of result.failures) console.log(row(competitor, `FAILED: ${message}`));
}
