import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allCases } from "../cases/index.js";
import type { Case } from "../cases/case.js";
import { AT_PEAK } from "../cases/targets.js";
import { competitorNames } from "./competitor.js";
import { duration, formatRate, formatRatio, formatShare, formatValue, number, threadsText } from "./format.js";
import type { CaseResult } from "./measure.js";
import { isAtPeak, rateOf, type Peaks } from "./peaks.js";
import { readResults, type Results } from "./results.js";

/** The files of a recorded run, in bench/report. */
export const recordedFiles = { native: "results.json", avx2: "results-avx2.json" } as const;

export type Verdict = "goal" | "must" | "missed" | "failed" | "unsupported" | "not measured";

/** What a run with AVX2 is about: products and convolutions. */
export function heldToAvx2({ stem, params }: Case): boolean {
  // PyTorch has no bfloat16 product for AVX2: it takes a hundred times as long as with float32.
  return ["matmul", "conv2d", "depthwiseConv2d"].includes(stem) && params["dtype"] !== "bfloat16";
}

function casesOf({ isa }: Results): readonly Case[] {
  return isa === "avx2" ? allCases.filter(heldToAvx2) : allCases;
}

/** How a result stands to its case's target. Without a competitor there is none. */
export function verdictOf(benchCase: Case, result: CaseResult | undefined, peaks?: Peaks): Verdict {
  if (!result) return "not measured";
  if (result.unsupported.some(({ competitor }) => competitor === "nabla")) return "unsupported";
  // A peer's too: it may be the best one that is missing.
  if (result.failures.length > 0) return "failed";
  const ours = result.results.find(({ competitor }) => competitor === "nabla");
  if (!ours || !result.ratio) return "not measured";
  const { must, goal, orPeak } = benchCase.target;
  const ratio = result.ratio.median;
  if (ratio > must) return "missed";
  return ratio <= goal || (orPeak && isAtPeak(benchCase, ours.value.median, peaks, AT_PEAK)) ? "goal" : "must";
}

/** "## name of a case", then what was measured to find the reason for its time. */
export function parseNotes(text: string): Map<string, string> {
  const notes = new Map<string, string>();
  for (const part of text.split(/^## /m).slice(1)) {
    const end = part.indexOf("\n");
    notes.set(part.slice(0, end).trim(), part.slice(end).trim());
  }
  return notes;
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function table(run: Results, threads: number): string[] {
  const peaks = run.peaks.find((entry) => entry.threads === threads);
  const names = competitorNames.filter((name) => name in run.versions);
  const rows = casesOf(run).map((benchCase) => {
    const { name, work, measure, target } = benchCase;
    const result = find(run, name, threads);
    const times = names.map((competitor) => {
      const entry = result?.results.find((other) => other.competitor === competitor);
      return entry ? formatValue(entry.value.median, measure) : "";
    });
    const ours = result?.results.find(({ competitor }) => competitor === "nabla");
    const rate = ours && work && rateOf(work, ours.value.median, peaks);
    return line([
      name,
      ...times,
      rate ? formatRate(rate) : "",
      rate ? formatShare(rate) : "",
      result?.ratio ? formatRatio(result.ratio) : "",
      target.must.toFixed(2),
      target.goal.toFixed(2),
      verdictOf(benchCase, result, peaks),
    ]);
  });
  const header = ["case", ...names, "rate", "of peak", "nabla / best peer", "must", "goal", "met"];
  return [line(header), line(header.map(() => "---")), ...rows];
}

function find(run: Results, name: string, threads: number): CaseResult | undefined {
  return run.results.find((result) => result.case === name && result.threads === threads);
}

function machineText({ machine, versions, date, rounds, seconds, peaks, leftOut, isa }: Results): string[] {
  const { cpu, cpus, caches, isas, memoryGiB, os, kernel, virtual, node, compiler } = machine;
  const where = virtual ? "a virtual machine" : "no virtual machine";
  const engines = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const peakRows = peaks.map((p) =>
    line([
      threadsText(p.threads),
      `${number(p.fma)} (${p.isa})`,
      p.bf16 === null ? "none" : number(p.bf16),
      number(p.copy),
      number(p.read),
    ]),
  );
  const header = ["", "float32 GFLOP/s", "bf16 GFLOP/s", "copy GB/s", "read GB/s"];
  return [
    `- ${date.slice(0, 10)}, at most ${rounds} rounds, ${duration(seconds)} in all${isa === "avx2" ? "; everything held to AVX2" : ""}.`,
    `- ${cpu}, ${cpus} CPUs (${where}); ${caches}; ${memoryGiB} GiB of memory.`,
    `- ${isas.join(", ")}.`,
    `- ${os}, ${kernel}; Node ${node}; ${compiler}.`,
    `- ${engines.join("; ")}.`,
    ...leftOut.map(({ competitor, message }) => `- ${competitor} is left out: it ${message}.`),
    "",
    "What the machine can do at best, measured at the beginning of the run:",
    "",
    line(header),
    line(header.map(() => "---")),
    ...peakRows,
  ];
}

function summary(run: Results, threads: number): string {
  const peaks = run.peaks.find((entry) => entry.threads === threads);
  const verdicts = casesOf(run).map((benchCase) => verdictOf(benchCase, find(run, benchCase.name, threads), peaks));
  const count = (...wanted: Verdict[]): number => verdicts.filter((verdict) => wanted.includes(verdict)).length;
  return (
    `Of ${verdicts.length} cases ${count("goal", "must")} meet their must, of which ${count("goal")} their goal too; ` +
    `${count("missed")} miss it, ${count("failed", "unsupported", "not measured")} have no result.`
  );
}

/** The rows above their must, each with its note. */
function missed(run: Results, threads: number, notes: ReadonlyMap<string, string>): string[] {
  const peaks = run.peaks.find((entry) => entry.threads === threads);
  const rows = casesOf(run).flatMap((benchCase) => {
    const { name } = benchCase;
    const result = find(run, name, threads);
    if (verdictOf(benchCase, result, peaks) !== "missed") return [];
    const note = notes.get(name) ?? "The reason is not known yet.";
    return [`- **${name}**, ${result!.ratio!.median.toFixed(2)}: ${note.replaceAll("\n", "\n  ")}`];
  });
  return rows.length > 0 ? ["", "Above their must:", "", ...rows] : [];
}

function runText(run: Results, notes: ReadonlyMap<string, string>): string[] {
  return [
    `## ${run.isa === "avx2" ? "Results, held to AVX2" : "Results"}`,
    "",
    ...machineText(run),
    ...run.peaks.flatMap(({ threads }) => [
      "",
      `### ${threadsText(threads)}${run.isa === "avx2" ? ", AVX2" : ""}`,
      "",
      summary(run, threads),
      "",
      ...table(run, threads),
      ...missed(run, threads, notes),
    ]),
  ];
}

/** In place of results: what there is to measure. */
function casesText(): string[] {
  const header = ["case", "must", "goal", "met"];
  const rows = allCases.map(({ name, target }) =>
    line([name, target.must.toFixed(2), target.goal.toFixed(2), "not measured" satisfies Verdict]),
  );
  return ["## Results", "", "No run is recorded yet.", "", line(header), line(header.map(() => "---")), ...rows];
}

/** docs/benchmarks.md, of the texts in `folder` and of runs. */
export function renderPage(folder: string, runs: readonly Results[]): string {
  const text = (name: string): string => readFileSync(join(folder, name), "utf8").trim();
  const notes = parseNotes(text("notes.md"));
  const results = runs.length === 0 ? [casesText()] : runs.map((run) => runText(run, notes));
  const sections = [text("intro.md"), ...results.map((lines) => lines.join("\n")), text("more.md")];
  return `${sections.join("\n\n")}\n`;
}

/** The recorded runs that there are. */
export function recordedRuns(folder: string): Results[] {
  const files = Object.values(recordedFiles).map((name) => join(folder, name));
  return files.filter((file) => existsSync(file)).map(readResults);
}

export function writePage(file: string, folder: string, runs: readonly Results[]): void {
  writeFileSync(file, renderPage(folder, runs));
}
