// Runs vitest and counts its tests, for the scripts that add up results.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { attempt, bin, root } from "./lib.mjs";

const results = join(root, "build/test-results");

/** Runs `vitest run` with these arguments; gives the numbers of tests that passed and failed. */
export function vitest(name, args, environment = {}) {
  heading(name);
  mkdirSync(results, { recursive: true });
  const report = join(results, "vitest.json");
  rmSync(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const status = attempt(
    ...bin("vitest", "vitest", ["run", ...reporters, ...args], { env: { ...process.env, ...environment } }),
  );
  let passed = 0;
  let failed = 0;
  try {
    const json = JSON.parse(readFileSync(report, "utf8"));
    passed = json.numPassedTests;
    // A file that fails before its first test has no failed test of its own.
    failed =
      json.numFailedTests +
      json.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
  } catch (error) {
    console.error(`vitest left no report: ${error.message}`);
  }
  return counted(name, { passed, failed, status });
}

/** A run that ended badly, or saw no test, has at least one failure. */
export function counted(name, { passed, failed, status }) {
  return { name, passed, failed: failed === 0 && (status !== 0 || passed === 0) ? 1 : failed };
}

export function heading(text) {
  console.log(`\n--- ${text} ---`);
}
