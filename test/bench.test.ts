import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Case } from "../bench/cases/case.js";
import { allCases } from "../bench/cases/index.js";
import { compare, grew } from "../bench/harness/compare.js";
import { environment } from "../bench/harness/environment.js";
import { asBfloat16 } from "../bench/harness/inputs.js";
import type { Competitor } from "../bench/harness/competitor.js";
import { measure, ratioOf, type CaseResult } from "../bench/harness/measure.js";
import { parseNotes, recordedRuns, renderPage, verdictOf } from "../bench/harness/page.js";
import { rateOf, type Peaks } from "../bench/harness/peaks.js";
import { atRest } from "../bench/harness/rest.js";
import type { Results } from "../bench/harness/results.js";
import { verify } from "../bench/harness/verify.js";

const report = fileURLToPath(new URL("../bench/report/", import.meta.url));
const page = readFileSync(fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url)), "utf8");

/** Without the widths that prettier gives to tables. */
const squeeze = (text: string): string => text.replaceAll(/-+/g, "-").replaceAll(/[ ]+/g, " ");

const peaks: Peaks = { threads: 1, isa: "AVX2", fma: 100, bf16: null, copy: 20, read: 10 };

function result(median: number, quartile = 0, fields: Partial<CaseResult> = {}): CaseResult {
  return {
    case: "matmul 64x64x64 nn",
    threads: 1,
    rounds: 7,
    results: [{ competitor: "nabla", error: 0, value: { median, q1: median, q3: median } }],
    ratio: { median, q1: median - quartile, q3: median + quartile, against: "pytorch" },
    unsupported: [],
    failures: [],
    ...fields,
  };
}

const run = (...results: CaseResult[]): Results => ({ machine: {}, isa: "native", results }) as unknown as Results;

describe("the list of benchmarks", () => {
  it("has names that differ, and a target and a tolerance for each case", () => {
    expect(allCases.length).toBeGreaterThan(60);
    expect(new Set(allCases.map(({ name }) => name)).size).toBe(allCases.length);
    const incomplete = allCases.filter(({ target, tolerance, work, measure: what }) => {
      const targeted = target.goal > 0 && target.goal <= target.must;
      return !(targeted && tolerance < 0.01 && (what === "memory" || work !== undefined));
    });
    expect(incomplete.map(({ name }) => name)).toEqual([]);
  });

  it("is on the page, which is rendered from bench/report", () => {
    expect(allCases.map(({ name }) => name).filter((name) => !page.includes(`| ${name} `))).toEqual([]);
    // If not: `npm run bench -- --markdown docs/benchmarks.md`.
    expect(squeeze(page)).toBe(squeeze(renderPage(report, recordedRuns(report))));
  });

  it("has a case for each note", () => {
    const names = [...parseNotes(readFileSync(`${report}notes.md`, "utf8")).keys()];
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(allCases.map((benchCase) => benchCase.name)).toContain(name);
  });
});

describe("the verdict on a case", () => {
  const benchCase = { target: { must: 1, goal: 0.8, orPeak: true }, work: { bytes: 1e9, peak: "copy" } } as Case;

  it("compares the median ratio with must and goal", () => {
    expect([0.8, 0.9, 1, 1.01].map((ratio) => verdictOf(benchCase, result(ratio), peaks))).toEqual([
      "goal",
      "must",
      "must",
      "missed",
    ]);
  });

  it("takes the machine's limit for the goal", () => {
    const fast = result(1);
    fast.results[0]!.value.median = 0.05; // 20 GB/s
    expect(verdictOf(benchCase, fast, peaks)).toBe("goal");
  });

  it("says what has no result", () => {
    const problem = [{ competitor: "nabla", message: "" }];
    const peers = [{ competitor: "pytorch", message: "" }];
    expect(verdictOf(benchCase, result(0.5, 0, { failures: peers }))).toBe("failed");
    expect(verdictOf(benchCase, result(0.5, 0, { unsupported: peers }))).toBe("goal");
    expect(verdictOf(benchCase, undefined)).toBe("not measured");
    expect(verdictOf(benchCase, result(1, 0, { unsupported: problem }))).toBe("unsupported");
    expect(verdictOf(benchCase, result(1, 0, { failures: problem }))).toBe("failed");
    expect(verdictOf(benchCase, result(1, 0, { ratio: undefined }))).toBe("not measured");
  });
});

describe("--compare", () => {
  it("calls a ratio worse when it grew by more than the spread of both runs", () => {
    const ratio = (median: number, quartile: number) => result(median, quartile).ratio!;
    expect(grew(ratio(1, 0.02), ratio(1.05, 0.02))).toBe(true);
    expect(grew(ratio(1, 0.02), ratio(1.03, 0.02))).toBe(false);
    expect(grew(ratio(1, 0.02), ratio(1.05, 0.04))).toBe(false);
    expect(grew(ratio(1, 0), ratio(0.5, 0))).toBe(false);
  });

  it("lists every case and counts the worse", () => {
    const { lines, worse } = compare(run(result(0.5, 0.01)), run(result(0.6, 0.01)));
    expect(worse).toBe(1);
    expect(lines.at(-1)).toContain("matmul 64x64x64 nn, 1 thread: 500 ms -> 600 ms (+20.0 %)");
    expect(compare(run(result(0.6)), run(result(0.5))).worse).toBe(0);
    expect(compare(run(), run(result(0.5))).lines[0]).toContain("new");
    expect(compare(run(result(0.5)), run()).lines[0]).toContain("gone");
    expect(compare(run(result(0.5)), run(result(0.5, 0, { results: [], ratio: undefined }))).worse).toBe(1);
  });
});

describe("figures", () => {
  it("are held against the limit that the case names", () => {
    expect(rateOf({ flops: 5e9, peak: "fma" }, 0.1, peaks)).toEqual({ value: 50, unit: "GFLOP/s", ofPeak: 0.5 });
    expect(rateOf({ bytes: 1e9, peak: "read" }, 0.1, peaks)).toEqual({ value: 10, unit: "GB/s", ofPeak: 1 });
    expect(rateOf({ flops: 5e9, peak: "bf16" }, 0.1, peaks).ofPeak).toBeUndefined();
    expect(rateOf({ calls: 1000 }, 1e-3, peaks)).toEqual({ value: 1, unit: "M calls/s" });
  });

  it("take the best other engine for the ratio, round by round", () => {
    const samples = { nabla: [1, 2, 3], pytorch: [2, 2, 2], tfjs: [9, 9, 9] };
    const entries = Object.entries(samples).map(([name, list]) => ({ name, samples: list }));
    expect(ratioOf(entries)).toEqual({ median: 1, q1: 0.75, q3: 1.25, against: "pytorch" });
    expect(ratioOf(entries.slice(0, 1))).toBeUndefined();
  });
});

describe("the check of results", () => {
  it("throws for a wrong value, skips what is not known, and fails when nothing is", () => {
    expect(verify("x", [[1, 7]], [[1.5, null]], 0.5)).toBeCloseTo(1 / 3);
    expect(() => verify("x", [[1, 7]], [[1, 8]], 0.1)).toThrow("x: wrong result: output 0 has 7 where 8 is right");
    expect(() => verify("x", [[NaN]], [[1]], 0.1)).toThrow("wrong result");
    expect(() => verify("x", [[1]], [[null]], 0.1)).toThrow("no value of output 0 is known");
    expect(() => verify("x", [[1]], [[1, 1]], 0.1)).toThrow("outputs of 1 samples, expected 2");
  });

  it("rounds to bfloat16 with ties to even", () => {
    const ulp = 2 ** -7;
    const inputs = [1, 1 + ulp / 2, 1 + (3 * ulp) / 2, -1 - 0.75 * ulp, 0];
    expect([...asBfloat16(Float32Array.from(inputs))]).toEqual([1, 1, 1 + 2 * ulp, -1 - ulp, 0]);
  });
});

describe("--isa avx2", () => {
  it("sets what the engines honour, and nothing of it otherwise", () => {
    const names = ["NABLA_ISA", "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS"];
    const of = (isa: "native" | "avx2") =>
      names.map((name) => environment({ device: "cpu", threads: 1, isa })[name]?.toLowerCase());
    expect(of("avx2")).toEqual(["avx2", "avx2", "avx2", "avx2"]);
    expect(of("native")).toEqual(names.map(() => undefined));
  });
});

describe("measure", () => {
  it.each([
    [undefined, 3],
    [10, 80],
  ])("warms up for as long as the case says (%s s)", async (warmUpSeconds, calls) => {
    let warmUps = 0;
    let turns = 0;
    // An iteration takes 0.125 s; turns begin with one that is not counted.
    const engine = {
      name: "pytorch",
      prepare: () => Promise.resolve({ output: [[1]] }),
      run: (_: number, settle: boolean) => Promise.resolve((settle ? turns++ : warmUps++, 0.125)),
      rest: () => Promise.resolve(),
    } as unknown as Competitor;
    const one: Case = { ...allCases[0]!, warmUpSeconds, reference: () => [[1]] };
    const { results } = await measure(one, [engine], 1, { rounds: 5, roundSeconds: 0.125 });
    expect([warmUps, turns]).toEqual([calls, 5]);
    expect(results[0]!.value.median).toBe(0.125);
  });
});

describe("atRest", () => {
  it("waits until a process that spins has gone to sleep", async () => {
    const spinner = `
      console.log("spins");
      setImmediate(() => {
        for (const end = Date.now() + 200; Date.now() < end; );
        console.log("sleeps");
        setInterval(() => {}, 100_000);
      });`;
    const child = spawn(process.execPath, ["-e", spinner], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    try {
      await once(child.stdout, "data");
      await atRest(child.pid!);
      expect(said).toBe("spins\nsleeps\n");
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("does not take a process that is gone for one at rest", async () => {
    await expect(atRest(2 ** 30)).rejects.toThrow(/ENOENT.*1073741824/);
  });
});
