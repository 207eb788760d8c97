// Runs the tests that scripts/test-prebuilt.mjs bundles with this in any program that has Node-API. Its arguments are
// parts of their files' names; the first line says what they run on, the last one counts them.
import { startTests, type Test, type VitestRunner } from "@vitest/runner";
import { loadAddon, platformName } from "../../src/ts/native/load.js";
import { cpuOptions } from "../../src/ts/options.js";
import testFiles from "bundled-tests";

const wanted = process.argv.slice(2);
const counts = { passed: 0, failed: 0 };

const runner: VitestRunner = {
  config: {
    root: "/",
    name: undefined,
    setupFiles: [],
    passWithNoTests: false,
    testNamePattern: undefined,
    allowOnly: false,
    sequence: { seed: 1, hooks: "stack", setupFiles: "list" },
    chaiConfig: undefined,
    maxConcurrency: 1,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    retry: 0,
    includeTaskLocation: undefined,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  },
  importFile: (file) => testFiles[file]!(),
  onAfterRunTask(test: Test) {
    const passed = test.result?.state === "pass";
    counts[passed ? "passed" : "failed"] += 1;
    if (!passed) console.log(`failed: ${test.fullName}\n${explain(test.result?.errors)}`);
  },
};

function explain(errors: { message: string; stack?: string }[] = []): string {
  return errors.map(({ message, stack }) => stack ?? message).join("\n");
}

console.log(`${platformName()}, ${process.version}, ${cpuOptions(process.env, loadAddon().info()).isa}`);
for (const file of Object.keys(testFiles).filter(
  (name) => !wanted.length || wanted.some((part) => name.includes(part)),
)) {
  const before = { ...counts };
  for (const { result } of await startTests([file], runner)) {
    // A file that fails before its first test has no failed test of its own.
    if (result?.state === "fail" && counts.failed === before.failed) {
      counts.failed += 1;
      console.log(`failed: ${file}\n${explain(result.errors)}`);
    }
  }
  console.log(`${file}: ${counts.passed - before.passed} passed, ${counts.failed - before.failed} failed`);
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
