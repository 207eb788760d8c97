import { formatRatio, formatValue, threadsText } from "./format.js";
import { allCases } from "../cases/index.js";
import type { CaseResult, Ratio } from "./measure.js";
import { sameCase, type Results } from "./results.js";

export interface Comparison {
  lines: string[];
  /** In how many cases nabla lost ground against the best peer. */
  worse: number;
}

/** Whether the ratio grew by more than the rounds of either run differ among themselves. */
export function grew(before: Ratio, after: Ratio): boolean {
  const spread = Math.max(before.q3 - before.q1, after.q3 - after.q1);
  return after.median - before.median > spread;
}

/** Case by case, nabla's times and its ratios to the best peer: what is slower by itself may be a slower machine. */
export function compare(before: Results, after: Results): Comparison {
  const lines: string[] = [];
  const worse: string[] = [];
  for (const key of ["isa", "machine"] as const) {
    if (JSON.stringify(before[key]) !== JSON.stringify(after[key])) lines.push(`The runs differ in their ${key}.`);
  }
  for (const now of after.results) {
    const then = before.results.find(sameCase(now));
    const label = `${now.case}, ${threadsText(now.threads)}`;
    if (!then) {
      lines.push(`${label}: new`);
      continue;
    }
    const [old, current] = [ours(then), ours(now)];
    const change = old && current ? ` (${percent(current.median / old.median)})` : "";
    const [oldText, text] = [old, current].map((value) => (value ? formatValue(value.median, measureOf(now)) : "none"));
    const ratios =
      then.ratio && now.ratio
        ? `; to the best peer ${formatRatio(then.ratio)} -> ${formatRatio(now.ratio)} ` +
          `(${percent(now.ratio.median / then.ratio.median)})`
        : "";
    const line = `${label}: ${oldText} -> ${text}${change}${ratios}`;
    lines.push(line);
    if ((then.ratio && now.ratio && grew(then.ratio, now.ratio)) || (old && !current)) worse.push(line);
  }
  for (const then of before.results) {
    if (!after.results.some(sameCase(then))) lines.push(`${then.case}, ${threadsText(then.threads)}: gone`);
  }
  lines.push("");
  if (worse.length === 0) lines.push("nabla lost ground in no case by more than the spread.");
  else lines.push(`nabla lost ground in ${worse.length} cases by more than the spread:`, ...worse.map((l) => `  ${l}`));
  return { lines, worse: worse.length };
}

function ours(result: CaseResult): { median: number } | undefined {
  return result.results.find(({ competitor }) => competitor === "nabla")?.value;
}

function measureOf(result: CaseResult): "memory" | undefined {
  return allCases.find(({ name }) => name === result.case)?.measure;
}

function percent(factor: number): string {
  return `${factor >= 1 ? "+" : ""}${(100 * (factor - 1)).toFixed(1)} %`;
}
