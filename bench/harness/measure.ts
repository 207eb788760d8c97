import { setTimeout as sleep } from "node:timers/promises";
import type { Case } from "../cases/case.js";
import type { Competitor } from "./competitor.js";
import { summarize, type Summary } from "./statistics.js";
import { verify } from "./verify.js";

export interface Effort {
  rounds: number;
  /** How long one competitor runs in one round, about. */
  roundSeconds: number;
}

export interface CompetitorResult {
  competitor: string;
  variant?: string;
  /** The largest difference from the reference, relative to the largest value. */
  error: number;
  /** An iteration. */
  seconds: Summary;
  gflops?: number;
}

export interface CaseResult {
  case: string;
  threads: number;
  results: CompetitorResult[];
  /** nabla's time over that of the fastest other, round by round: below 1 nabla is faster. */
  ratio?: Summary & { against: string };
}

interface Runner {
  competitor: Competitor;
  variant?: string;
  error: number;
  iterations: number;
  /** Seconds an iteration, one entry a round. */
  samples: number[];
}

/** How long each competitor warms up. */
const WARM_UP_SECONDS = 0.3;
/** Between two competitors: the first one's threads stop spinning. */
const PAUSE_MS = 5;

/** Verifies the case in every competitor that has it, then lets them take turns. */
export async function measure(
  benchCase: Case,
  competitors: readonly Competitor[],
  threads: number,
  effort: Effort,
): Promise<CaseResult> {
  const runners = await prepareAll(benchCase, competitors);
  for (const runner of runners) await warmUp(runner, effort);
  for (let round = 0; round < effort.rounds; round++) {
    // Another one begins each round, so that nobody always follows the same neighbour.
    for (let i = 0; i < runners.length; i++) {
      const runner = runners[(round + i) % runners.length]!;
      await sleep(PAUSE_MS);
      runner.samples.push(await runner.competitor.run(runner.iterations));
    }
  }
  return {
    case: benchCase.name,
    threads,
    results: runners.map((runner) => result(runner, benchCase)),
    ratio: ratio(runners),
  };
}

async function prepareAll(benchCase: Case, competitors: readonly Competitor[]): Promise<Runner[]> {
  const runners: Runner[] = [];
  const outputs: number[][][] = [];
  for (const competitor of competitors) {
    const reply = await competitor.prepare(benchCase.stem, benchCase.params);
    if ("unsupported" in reply) continue;
    runners.push({ competitor, variant: reply.variant, error: 0, iterations: 1, samples: [] });
    outputs.push(reply.output);
  }
  if (runners.length === 0) throw new Error(`${benchCase.name}: none of the chosen competitors has it`);
  const reference = benchCase.reference?.() ?? outputs[runners.findIndex((r) => r.competitor.name === "pytorch")];
  if (!reference) throw new Error(`${benchCase.name}: PyTorch is the reference of this case, add it to --competitors`);
  runners.forEach((runner, i) => {
    runner.error = verify(`${benchCase.name}: ${runner.competitor.name}`, outputs[i]!, reference, benchCase.tolerance);
  });
  return runners;
}

async function warmUp(runner: Runner, effort: Effort): Promise<void> {
  let seconds = await runner.competitor.run(1);
  for (let spent = seconds; spent < WARM_UP_SECONDS;) {
    const iterations = Math.max(1, Math.floor(WARM_UP_SECONDS / 3 / seconds));
    seconds = await runner.competitor.run(iterations);
    spent += seconds * iterations;
  }
  runner.iterations = Math.max(1, Math.round(effort.roundSeconds / seconds));
}

function result(runner: Runner, { flops }: Case): CompetitorResult {
  const seconds = summarize(runner.samples);
  return {
    competitor: runner.competitor.name,
    variant: runner.variant,
    error: runner.error,
    seconds,
    gflops: flops === undefined ? undefined : flops / seconds.median / 1e9,
  };
}

function ratio(runners: readonly Runner[]): CaseResult["ratio"] {
  const ours = runners.find((runner) => runner.competitor.name === "nabla");
  const peers = runners.filter((runner) => runner !== ours);
  if (!ours || peers.length === 0) return undefined;
  const medians = peers.map((runner) => summarize(runner.samples).median);
  const best = peers[medians.indexOf(Math.min(...medians))]!;
  return { ...summarize(ours.samples.map((s, round) => s / best.samples[round]!)), against: best.competitor.name };
}
