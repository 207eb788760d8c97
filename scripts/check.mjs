// `npm run check`: lint, formats, types, the operator reference and the ISA symbols. Every step runs, so that one run shows all there is to mend.
import { attempt, bin, closingLine, run } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { cxxFiles } from "./format.mjs";

await run(() => {
  setup({ ts: false });
  const steps = {
    oxlint: bin("oxlint", "oxlint", ["--deny-warnings"]),
    prettier: bin("prettier", "prettier", ["--check", "."]),
    "clang-format": bin("clang-format", "clang-format", ["--dry-run", "-Werror", ...cxxFiles()]),
    types: bin("typescript", "tsc", ["--project", "tsconfig.json"]),
    "operator reference": [process.execPath, ["scripts/docs.mjs", "--check"]],
    "ISA symbols": [process.execPath, ["scripts/check-isa-symbols.mjs"]],
  };
  const failed = Object.entries(steps).filter(([name, step]) => {
    console.log(`--- ${name} ---`);
    return attempt(...step) !== 0;
  });
  for (const [name] of failed) console.log(`failed: ${name}`);
  closingLine({ passed: Object.keys(steps).length - failed.length, failed: failed.length });
});
