import { writeFileSync } from "node:fs";
import { cpus, release, type } from "node:os";
import type { CaseResult, Effort } from "./measure.js";
import type { Summary } from "./statistics.js";

/** The competitors' versions by name. */
export type Versions = Record<string, string>;

const COLUMNS = [14, 12, 18, 9, 34] as const;

function row(...cells: string[]): string {
  const padded = cells.map((cell, i) => cell.padEnd(COLUMNS[i] ?? 0));
  return `  ${padded.join(" ")}`.trimEnd();
}

export function printHeader(threads: number, versions: Versions): void {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  console.log(`\n${threads} ${threads === 1 ? "thread" : "threads"}: ${list.join(", ")}\n`);
  console.log(row("competitor", "median", "quartiles", "GFLOP/s", "nabla / best peer"));
}

/** What `--json` writes. */
export interface Results extends Effort {
  machine: { cpu: string; cpus: number; os: string; node: string };
  versions: Versions;
  results: readonly CaseResult[];
}

export function printCase(result: CaseResult): void {
  console.log(result.case);
  for (const { competitor, seconds, gflops, variant } of result.results) {
    const unit = unitFor(seconds.median);
    console.log(
      row(
        competitor,
        formatTime(seconds.median),
        `${number(seconds.q1 * unit.scale)} to ${number(seconds.q3 * unit.scale)}`,
        gflops === undefined ? "" : number(gflops),
        competitor === "nabla" && result.ratio ? formatRatio(result.ratio) : "",
        variant ?? "",
      ),
    );
  }
}

export function formatRatio(ratio: Summary & { against: string }): string {
  return `${ratio.median.toFixed(2)} (${ratio.q1.toFixed(2)} to ${ratio.q3.toFixed(2)}) ${ratio.against}`;
}

export function formatTime(seconds: number): string {
  const unit = unitFor(seconds);
  return `${number(seconds * unit.scale)} ${unit.name}`;
}

function unitFor(seconds: number): { scale: number; name: string } {
  return seconds >= 1e-3 ? { scale: 1e3, name: "ms" } : { scale: 1e6, name: "µs" };
}

/** Three significant digits. */
function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export function writeJson(file: string, versions: Versions, effort: Effort, results: readonly CaseResult[]): void {
  const machine = {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpus: cpus().length,
    os: `${type()} ${release()}`,
    node: process.version,
  };
  writeFileSync(file, `${JSON.stringify({ machine, versions, ...effort, results } satisfies Results, null, 2)}\n`);
}
