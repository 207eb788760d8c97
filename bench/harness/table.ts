/** Prints the file that `--json` wrote as Markdown tables: `npm run table -- results.json`. */
import { readFileSync } from "node:fs";
import { competitorNames } from "./competitor.js";
import type { CaseResult } from "./measure.js";
import { formatRatio, formatTime, type Results } from "./report.js";

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function table(results: readonly CaseResult[]): string[] {
  const names = competitorNames.filter((name) => results.some((r) => r.results.some((e) => e.competitor === name)));
  const rows = results.map((result) => {
    const times = names.map((name) => {
      const entry = result.results.find(({ competitor }) => competitor === name);
      return entry ? formatTime(entry.seconds.median) : "";
    });
    return line([result.case, ...times, result.ratio ? formatRatio(result.ratio) : ""]);
  });
  const header = ["case", ...names, "nabla / best other"];
  return [line(header), line(header.map(() => "---")), ...rows];
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: npm run table -- results.json");
const { machine, versions, rounds, results } = JSON.parse(readFileSync(file, "utf8")) as Results;
const engines = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
console.log(`${machine.cpu}, ${machine.cpus} CPUs, Node ${machine.node}; ${engines.join(", ")}; ${rounds} rounds.`);
for (const threads of new Set(results.map((result) => result.threads))) {
  console.log(`\n### ${threads} ${threads === 1 ? "thread" : "threads"}\n`);
  for (const text of table(results.filter((result) => result.threads === threads))) console.log(text);
}
