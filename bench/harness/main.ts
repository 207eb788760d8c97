import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Case } from "../cases/case.js";
import { allCases } from "../cases/index.js";
import { compare } from "./compare.js";
import { Absent, Competitor, competitorNames, cudaCompetitors, type CompetitorName } from "./competitor.js";
import { cudaDevice } from "./cuda.js";
import { avx2Settings, benchDevices, isas, type BenchDevice, type Isa, type Setting } from "./environment.js";
import { duration } from "./format.js";
import { describeMachine } from "./machine.js";
import { heldToAvx2, recordedFiles, recordedRuns, writePage } from "./page.js";
import { measure, type Effort } from "./measure.js";
import { measureMemory } from "./memory.js";
import { cudaPeaks, measurePeaks } from "./peaks.js";
import { printCase, printHeader } from "./report.js";
import { readResults, writeResults, type Results } from "./results.js";

const HELP = `Measures nabla against other engines.

  --filter TEXT        only cases whose name holds TEXT; several texts, separated by commas, mean any of them
  --threads 1,2        numbers of threads, one after another (default 1,2)
  --device cuda        on the GPU, held against what its data say it can do; who cannot use it is left out
  --competitors A,B    of ${competitorNames.join(", ")} (default all)
  --isa avx2           everything held to AVX2; who cannot be held to it is left out
  --rounds N           rounds in which the competitors take turns, at most (default 7)
  --round-ms N         about how long each runs in a round (default 60)
  --json FILE          also write the results there
  --list               only name the cases

  --compare OLD NEW    measures nothing: compares two files that --json wrote
  --markdown PAGE      measures nothing: writes the page of the files named after it, or of the recorded ones
  --record             measures everything, products and convolutions with AVX2, and writes bench/report and docs/benchmarks.md`;

/** bench/report and docs/benchmarks.md, seen from bench/dist/harness/. */
const reportFolder = fileURLToPath(new URL("../../report/", import.meta.url));
const page = fileURLToPath(new URL("../../../docs/benchmarks.md", import.meta.url));

const { values: options, positionals } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    device: { type: "string", default: "cpu" },
    threads: { type: "string", default: "1,2" },
    competitors: { type: "string", default: competitorNames.join(",") },
    isa: { type: "string", default: "native" },
    rounds: { type: "string", default: "7" },
    "round-ms": { type: "string", default: "60" },
    json: { type: "string" },
    list: { type: "boolean", default: false },
    compare: { type: "boolean", default: false },
    markdown: { type: "string" },
    record: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${option}: not a positive whole number: ${text}`);
  return value;
}

function oneOf<T extends string>(option: string, text: string, known: readonly T[]): T {
  const found = known.find((name) => name === text);
  if (!found) throw new Error(`--${option}: unknown: ${text}, expected some of ${known.join(", ")}`);
  return found;
}

/** Those that measure, and those that cannot compute on the device or be held to the instruction set. */
function chosenCompetitors(device: BenchDevice, isa: Isa): { names: CompetitorName[]; leftOut: Results["leftOut"] } {
  const asked = options.competitors.split(",").map((text) => oneOf("competitors", text, competitorNames));
  const onCuda = device === "cuda";
  const able = (name: CompetitorName): boolean =>
    onCuda ? cudaCompetitors.includes(name) : isa === "native" || name in avx2Settings;
  const message = onCuda ? "does not compute on a GPU" : "has no setting that holds it to AVX2";
  return {
    names: asked.filter(able),
    leftOut: asked.filter((name) => !able(name)).map((competitor) => ({ competitor, message })),
  };
}

/** Those that answer; the others are noted with the reason. */
async function startAll(names: readonly CompetitorName[], setting: Setting, run: Results): Promise<Competitor[]> {
  const started: Competitor[] = [];
  for (const name of names) {
    const competitor = new Competitor(name, setting);
    try {
      await competitor.start();
      run.versions[name] = competitor.version;
      started.push(competitor);
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
      run.leftOut.push({ competitor: name, message: error.message });
      console.log(`${name} is left out: it ${error.message}.`);
    }
  }
  return started;
}

async function measureAll(cases: readonly Case[], isa: Isa, file: string | undefined): Promise<void> {
  const device = oneOf("device", options.device, benchDevices);
  const { names, leftOut } = chosenCompetitors(device, isa);
  const gpu = device === "cuda" ? cudaDevice() : undefined;
  const effort: Effort = {
    rounds: positive("rounds", options.rounds),
    roundSeconds: positive("round-ms", options["round-ms"]) / 1000,
  };
  const start = Date.now();
  const run: Results = {
    date: new Date(start).toISOString(),
    seconds: 0,
    machine: describeMachine(),
    isa,
    versions: {},
    leftOut,
    ...effort,
    peaks: [],
    results: [],
  };
  for (const { competitor, message } of leftOut) console.log(`${competitor} is left out: it ${message}.`);
  const threadCounts = gpu ? "1" : options.threads;
  for (const threads of threadCounts.split(",").map((text) => positive("threads", text))) {
    const setting: Setting = { device, threads, isa };
    const peaks = gpu ? cudaPeaks(gpu) : measurePeaks(threads, isa);
    run.peaks.push(peaks);
    const competitors = await startAll(names, setting, run);
    try {
      printHeader(peaks, run.versions);
      for (const benchCase of cases) {
        const result =
          benchCase.measure === "memory"
            ? await measureMemory(benchCase, names, setting)
            : await measure(benchCase, competitors, threads, effort);
        printCase(benchCase, result, peaks);
        run.results.push(result);
        run.seconds = (Date.now() - start) / 1000;
        // After every case: a run that is cut off leaves what it has.
        if (file !== undefined) writeResults(file, run);
      }
    } finally {
      for (const competitor of competitors) competitor.stop();
    }
  }
  const failures = run.results.flatMap((result) => result.failures.map((failure) => ({ ...result, ...failure })));
  console.log(`\n${run.results.length} cases in ${duration(run.seconds)}, ${failures.length} failures`);
  for (const { case: name, threads, message } of failures) console.log(`  ${name}, threads ${threads}: ${message}`);
  if (failures.length > 0) process.exitCode = 1;
}

async function record(cases: readonly Case[]): Promise<void> {
  for (const isa of isas) {
    console.log(`\n== ${isa} ==`);
    const chosen = isa === "avx2" ? cases.filter(heldToAvx2) : cases;
    await measureAll(chosen, isa, join(reportFolder, recordedFiles[isa]));
  }
  writePage(page, reportFolder, recordedRuns(reportFolder));
}

async function main(): Promise<void> {
  if (options.help) return console.log(HELP);
  if (options.markdown !== undefined) {
    const runs = positionals.length > 0 ? positionals.map(readResults) : recordedRuns(reportFolder);
    return writePage(options.markdown, reportFolder, runs);
  }
  if (options.compare) {
    if (positionals.length !== 2) throw new Error("usage: --compare OLD NEW");
    const { lines, worse } = compare(readResults(positionals[0]!), readResults(positionals[1]!));
    for (const line of lines) console.log(line);
    if (worse > 0) process.exitCode = 1;
    return;
  }
  if (positionals.length > 0) throw new Error(`unknown: ${positionals.join(" ")}, see --help`);
  const texts = options.filter.split(",");
  const cases = allCases.filter(({ name }) => texts.some((text) => name.includes(text)));
  if (cases.length === 0) throw new Error(`--filter: no case has ${options.filter} in its name, see --list`);
  if (options.list) return cases.forEach(({ name }) => console.log(name));
  if (options.record) return record(cases);
  await measureAll(cases, oneOf("isa", options.isa, isas), options.json);
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
