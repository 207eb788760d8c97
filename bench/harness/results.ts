import { readFileSync, writeFileSync } from "node:fs";
import type { Isa } from "./environment.js";
import type { Machine } from "./machine.js";
import type { CaseResult, Effort, Problem } from "./measure.js";
import type { Peaks } from "./peaks.js";

/** What `--json` writes: all that a run found out. */
export interface Results extends Effort {
  /** When the run began, as ISO 8601. */
  date: string;
  /** How long it took. */
  seconds: number;
  machine: Machine;
  isa: Isa;
  /** The competitors' versions by name. */
  versions: Record<string, string>;
  /** Competitors that are not in the run, and why. */
  leftOut: Problem[];
  /** One entry a number of threads. */
  peaks: Peaks[];
  results: CaseResult[];
}

/** A line for each case: such files are compared and kept. */
export function writeResults(file: string, { results, ...rest }: Results): void {
  const head = JSON.stringify(rest, null, 2).replace(/\n}$/, "");
  const lines = results.map((result) => `    ${JSON.stringify(result)}`);
  writeFileSync(file, `${head},\n  "results": [\n${lines.join(",\n")}\n  ]\n}\n`);
}

export function readResults(file: string): Results {
  const results = JSON.parse(readFileSync(file, "utf8")) as Results;
  if (!Array.isArray(results.results) || !Array.isArray(results.peaks)) {
    throw new Error(`${file}: not a file that --json wrote`);
  }
  return results;
}

export function sameCase(a: CaseResult): (b: CaseResult) => boolean {
  return (b) => a.case === b.case && a.threads === b.threads;
}
