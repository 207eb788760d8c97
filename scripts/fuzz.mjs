// `npm run fuzz`: builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer into build/sanitized/, and lets the
// random calls of test/fuzz.test.ts and the op tests run on it. What a sanitizer finds ends the process.
// NABLA_FUZZ_CALLS and NABLA_FUZZ_SEED change the number of calls and the numbers drawn; arguments replace the list of tests.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure, bin, execute, jobs, output, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { vitest } from "./vitest.mjs";

const folder = join(root, "build/sanitized");

await run(() => {
  setup({ ts: false });
  console.log("Compiling the addon with sanitizers (some minutes the first time) ...");
  const where = ["--out", folder, "--log-level", "warn"];
  execute(...bin("cmake-js", "cmake-js", ["configure", ...where, "--CDNABLA_SANITIZE=ON"], { stdio: ["ignore", "ignore", "inherit"] }));
  execute(...bin("cmake-js", "cmake-js", ["build", ...where, "--parallel", jobs]));
  const addon = join(folder, "Release/nabla.node");
  if (!existsSync(addon)) throw new Failure(`the build left no ${addon}`);
});
