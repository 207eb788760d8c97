import type { Case } from "../cases/case.js";
import type { Competitor } from "./competitor.js";
import { summarize, type Summary } from "./statistics.js";
import { verify } from "./verify.js";

export interface Effort {
  /** At most; long cases get fewer. */
  rounds: number;
  /** How long one competitor runs in one round, about. */
  roundSeconds: number;
}

export interface CompetitorResult {
  competitor: string;
  variant?: string;
  /** The largest difference from the reference, relative to the largest value. */
  error: number;
  /** Seconds an iteration, or the bytes of a case of memory. */
  value: Summary;
}

/** nabla's value over that of the best other: below 1 nabla is better. */
export type Ratio = Summary & { against: string };

export interface Problem {
  competitor: string;
  message: string;
}

export interface CaseResult {
  case: string;
  threads: number;
  rounds: number;
  results: CompetitorResult[];
  /** Of each round by itself. */
  ratio?: Ratio;
  /** Engines that cannot do the case, and why. */
  unsupported: Problem[];
  /** Engines that gave a wrong result, an error, or no answer. */
  failures: Problem[];
}

interface Runner {
  competitor: Competitor;
  variant?: string;
  error: number;
  iterations: number;
  /** Whether each turn begins with an iteration that is not counted. */
  settle: boolean;
  /** One entry a round. */
  samples: number[];
}

/** How long each competitor warms up, unless the case says otherwise. */
const WARM_UP_SECONDS = 0.3;
/** From here on the caches that a neighbour emptied make no difference. */
const LONG_SECONDS = 0.15;
/** About how long the rounds of one case may take, if that leaves three. */
const CASE_SECONDS = 8;
const LEAST_ROUNDS = 3;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Verifies the case in every competitor that has it, then lets them take turns. Who fails is left out and named. */
export async function measure(
  benchCase: Case,
  competitors: readonly Competitor[],
  threads: number,
  effort: Effort,
): Promise<CaseResult> {
  const result: CaseResult = { case: benchCase.name, threads, rounds: 0, results: [], unsupported: [], failures: [] };
  const fail = (competitor: Competitor, error: unknown): void =>
    void result.failures.push({ competitor: competitor.name, message: messageOf(error) });

  const runners = new Set(await prepareAll(benchCase, competitors, result));
  const attempt = async (runner: Runner, what: () => Promise<void>): Promise<void> => {
    try {
      await what();
    } catch (error) {
      runners.delete(runner);
      fail(runner.competitor, error);
    }
  };
  for (const runner of runners) {
    await attempt(runner, async () => {
      await warmUp(runner, benchCase.warmUpSeconds ?? WARM_UP_SECONDS, effort);
      await runner.competitor.rest();
    });
  }
  const order = [...runners];
  const turnSeconds = order.reduce((sum, { iterations, samples }) => sum + iterations * samples[0]!, 0);
  for (const runner of order) runner.samples = [];
  result.rounds = Math.min(effort.rounds, Math.max(LEAST_ROUNDS, Math.floor(CASE_SECONDS / turnSeconds)));
  for (let round = 0; round < result.rounds; round++) {
    // Another one begins each round, so that nobody always follows the same neighbour.
    for (let i = 0; i < order.length; i++) {
      const runner = order[(round + i) % order.length]!;
      if (!runners.has(runner)) continue;
      await attempt(runner, async () => {
        runner.samples.push(await runner.competitor.run(runner.iterations, runner.settle));
        await runner.competitor.rest();
      });
    }
  }
  result.results = [...runners].map(({ competitor, variant, error, samples }) => ({
    competitor: competitor.name,
    variant,
    error,
    value: summarize(samples),
  }));
  result.ratio = ratioOf([...runners].map(({ competitor, samples }) => ({ name: competitor.name, samples })));
  return result;
}

async function prepareAll(
  benchCase: Case,
  competitors: readonly Competitor[],
  { unsupported, failures }: CaseResult,
): Promise<Runner[]> {
  const ready: { runner: Runner; output: number[][] }[] = [];
  for (const competitor of competitors) {
    try {
      const reply = await competitor.prepare(benchCase.stem, benchCase.params);
      if ("unsupported" in reply) unsupported.push({ competitor: competitor.name, message: reply.unsupported });
      else
        ready.push({
          runner: { competitor, variant: reply.variant, error: 0, iterations: 1, settle: true, samples: [] },
          output: reply.output,
        });
    } catch (error) {
      failures.push({ competitor: competitor.name, message: messageOf(error) });
    }
  }
  if (ready.length === 0) return [];
  const reference = benchCase.reference?.() ?? ready.find(({ runner }) => runner.competitor.name === "pytorch")?.output;
  return ready.flatMap(({ runner, output }) => {
    const { name } = runner.competitor;
    try {
      if (!reference) throw new Error(`${name}: PyTorch is the reference of this case, and has no result`);
      runner.error = verify(name, output, reference, benchCase.toleranceOf?.[name] ?? benchCase.tolerance);
      return [runner];
    } catch (error) {
      failures.push({ competitor: name, message: messageOf(error) });
      return [];
    }
  });
}

/** Leaves the last time of an iteration in `samples`. */
async function warmUp(runner: Runner, least: number, effort: Effort): Promise<void> {
  let seconds = await runner.competitor.run(1, false);
  for (let spent = seconds; spent < least;) {
    const iterations = Math.max(1, Math.floor(WARM_UP_SECONDS / 3 / seconds));
    seconds = await runner.competitor.run(iterations, false);
    spent += seconds * iterations;
  }
  runner.samples = [seconds];
  runner.settle = seconds < LONG_SECONDS;
  runner.iterations = Math.max(1, Math.round(effort.roundSeconds / seconds));
}

/** Of nabla and the other with the least median. */
export function ratioOf(entries: readonly { name: string; samples: readonly number[] }[]): Ratio | undefined {
  const ours = entries.find(({ name }) => name === "nabla");
  const peers = entries.filter((entry) => entry !== ours);
  if (!ours || peers.length === 0) return undefined;
  const medians = peers.map(({ samples }) => summarize(samples).median);
  const best = peers[medians.indexOf(Math.min(...medians))]!;
  return { ...summarize(ours.samples.map((s, round) => s / best.samples[round]!)), against: best.name };
}
