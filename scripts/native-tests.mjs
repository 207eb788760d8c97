// Runs the native tests of a build folder and counts them, for the scripts that add up results.
import { spawnSync } from "node:child_process";
import { jobs } from "./lib.mjs";
import { counted, heading } from "./vitest.mjs";

/** `args` are further ones of ctest. */
export function nativeTests(name, folder, args = []) {
  heading(name);
  const own = ["--test-dir", folder, "--output-on-failure", "--no-tests=error", "--parallel", jobs];
  const { stdout, status } = spawnSync("ctest", [...own, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.stdout.write(stdout);
  const [, failed, total] = (/tests passed, (\d+) tests failed out of (\d+)/.exec(stdout) ?? [0, 0, 0]).map(Number);
  const skipped = stdout.match(/\*\*\*Skipped/g)?.length ?? 0;
  if (skipped > 0) console.log(`not run: ${skipped} native tests, for instruction sets that this CPU lacks`);
  return counted(name, { passed: total - failed - skipped, failed, status });
}
