import type { Case } from "../cases/case.js";
import { Competitor, type CompetitorName } from "./competitor.js";
import type { Setting } from "./environment.js";
import { ratioOf, type CaseResult } from "./measure.js";
import { summarize } from "./statistics.js";

/** Enough steps for allocators to have taken what they will; of long ones fewer. */
const STEPS = 20;
const SECONDS = 3;
const ROUNDS = 2;

/**
 * The most resident memory of processes that do nothing but the case, each engine in turn. The allocator is left as it
 * comes: what makes it fast must not cost memory here.
 */
export async function measureMemory(
  benchCase: Case,
  names: readonly CompetitorName[],
  setting: Setting,
): Promise<CaseResult> {
  const { threads } = setting;
  const result: CaseResult = {
    case: benchCase.name,
    threads,
    rounds: ROUNDS,
    results: [],
    unsupported: [],
    failures: [],
  };
  const samples = new Map<CompetitorName, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      if (round > 0 && !samples.has(name)) continue;
      const competitor = new Competitor(name, { ...setting, plainAllocator: true });
      try {
        const reply = await competitor.prepare(benchCase.stem, benchCase.params);
        if ("unsupported" in reply) {
          result.unsupported.push({ competitor: name, message: reply.unsupported });
          continue;
        }
        for (let [steps, seconds] = [0, 0]; steps < STEPS && seconds < SECONDS; steps++) {
          seconds += await competitor.run(1, false);
        }
        samples.set(name, [...(samples.get(name) ?? []), await competitor.memory()]);
      } catch (error) {
        samples.delete(name);
        result.failures.push({ competitor: name, message: error instanceof Error ? error.message : String(error) });
      } finally {
        competitor.stop();
      }
    }
  }
  const entries = [...samples].map(([name, values]) => ({ name, samples: values }));
  result.results = entries.map(({ name, samples: values }) => ({
    competitor: name,
    error: 0,
    value: summarize(values),
  }));
  result.ratio = ratioOf(entries);
  return result;
}
