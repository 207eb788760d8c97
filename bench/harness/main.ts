import { parseArgs } from "node:util";
import { allCases } from "../cases/index.js";
import { Competitor, competitorNames, type CompetitorName } from "./competitor.js";
import { measure, type CaseResult, type Effort } from "./measure.js";
import { printCase, printHeader, writeJson, type Versions } from "./report.js";

const HELP = `Measures nabla against other engines.

  --filter TEXT        only cases whose name holds TEXT; several texts, separated by commas, mean any of them
  --threads 1,2        numbers of threads, one after another (default 1,2)
  --competitors A,B    of ${competitorNames.join(", ")} (default all)
  --rounds N           rounds in which the competitors take turns (default 15)
  --round-ms N         about how long each runs in a round (default 60)
  --json FILE          also write the results there
  --list               only name the cases`;

const { values: options } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    threads: { type: "string", default: "1,2" },
    competitors: { type: "string", default: competitorNames.join(",") },
    rounds: { type: "string", default: "15" },
    "round-ms": { type: "string", default: "60" },
    json: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${option}: not a positive whole number: ${text}`);
  return value;
}

function chosenCompetitors(): CompetitorName[] {
  return options.competitors.split(",").map((text) => {
    const name = competitorNames.find((known) => known === text);
    if (!name) throw new Error(`--competitors: unknown: ${text}, expected some of ${competitorNames.join(", ")}`);
    return name;
  });
}

async function main(): Promise<void> {
  if (options.help) return console.log(HELP);
  const texts = options.filter.split(",");
  const cases = allCases.filter(({ name }) => texts.some((text) => name.includes(text)));
  if (cases.length === 0) throw new Error(`--filter: no case has ${options.filter} in its name, see --list`);
  if (options.list) return cases.forEach(({ name }) => console.log(name));

  const names = chosenCompetitors();
  const effort: Effort = {
    rounds: positive("rounds", options.rounds),
    roundSeconds: positive("round-ms", options["round-ms"]) / 1000,
  };
  const results: CaseResult[] = [];
  const versions: Versions = {};
  for (const threads of options.threads.split(",").map((text) => positive("threads", text))) {
    const competitors: Competitor[] = [];
    try {
      for (const name of names) competitors.push(await Competitor.start(name, threads));
      for (const { name, version } of competitors) versions[name] = version;
      printHeader(threads, versions);
      for (const benchCase of cases) {
        const result = await measure(benchCase, competitors, threads, effort);
        printCase(result);
        results.push(result);
      }
    } finally {
      for (const competitor of competitors) competitor.stop();
    }
  }
  if (options.json) writeJson(options.json, versions, effort, results);
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
