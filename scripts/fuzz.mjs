// `npm run fuzz`: builds the addon with AddressSanitizer into build/sanitized/, for the best instruction set of this CPU, and
// lets the random calls of test/fuzz.test.ts and the op tests run on it. What the sanitizer finds ends the process.
// NABLA_FUZZ_CALLS and NABLA_FUZZ_SEED change the number of calls and the numbers drawn; arguments replace the list of tests.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Failure, bin, closingLine, execute, jobs, output, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { vitest } from "./vitest.mjs";

const folder = join(root, "build/sanitized");

await run(() => {
  setup({ ts: false });
  if (process.platform !== "linux") throw new Failure("npm run fuzz needs Linux: the sanitizer is loaded before Node.");
  const { isa } = createRequire(import.meta.url)(join(root, "build/Release/nabla.node")).info();
  const addon = build(isa);
  const environment = {
    NABLA_ADDON: addon,
    LD_PRELOAD: output("g++", ["-print-file-name=libasan.so"]).trim(),
    // Node itself never frees what it needs to its end.
    ASAN_OPTIONS: "detect_leaks=0",
  };
  const given = process.argv.slice(2);
  const tests = given.length > 0 ? given : ["test/fuzz.test.ts", "test/ops"];
  closingLine(vitest(`sanitized, ${isa}`, [...tests, "--typecheck.enabled=false"], environment));
});

function build(isa) {
  console.log("Compiling the addon with AddressSanitizer (some minutes the first time) ...");
  const where = ["--out", folder, "--log-level", "warn"];
  const options = [
    "--CDNABLA_SANITIZE=ON",
    "--CDNABLA_CUDA=off",
    `--CDNABLA_ISAS=${[...new Set(["scalar", isa])].join(";")}`,
  ];
  execute(
    ...bin("cmake-js", "cmake-js", ["configure", ...where, ...options], { stdio: ["ignore", "ignore", "inherit"] }),
  );
  execute(...bin("cmake-js", "cmake-js", ["build", ...where, "--parallel", jobs]));
  const addon = join(folder, "Release/nabla.node");
  if (!existsSync(addon)) throw new Failure(`the build left no ${addon}`);
  return addon;
}
