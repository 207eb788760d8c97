// `npm test`: the native tests, every TypeScript test, the op tests again under each other instruction set of this
// machine, and those of the convolutions by each of their algorithms. The last line adds them all up. A part that ran no test at all counts as failed.
// Arguments go to vitest (`npm test -- shape`) and leave the other parts out.
import { createRequire } from "node:module";
import { join } from "node:path";
import { closingLine, root, run } from "./lib.mjs";
import { nativeTests } from "./native-tests.mjs";
import { setup } from "./setup.mjs";
import { vitest } from "./vitest.mjs";

const ISAS = ["scalar", "avx2", "avx512", "neon"];

await run(() => {
  const args = process.argv.slice(2);
  setup({ nativeTests: args.length === 0 });
  if (args.length > 0) return closingLine(vitest("selected tests", args));

  const parts = [nativeTests("native tests", join(root, "build")), vitest("all tests", [])];
  const { isa, isas } = createRequire(import.meta.url)(join(root, "build/Release/nabla.node")).info();
  for (const other of ISAS.filter((name) => name !== isa)) {
    if (isas.includes(other)) {
      parts.push(
        vitest(`op tests with NABLA_ISA=${other}`, ["test/ops", "--typecheck.enabled=false"], { NABLA_ISA: other }),
      );
    } else {
      console.log(`\nnot run: op tests with NABLA_ISA=${other} (this CPU lacks it)`);
    }
  }
  for (const algorithm of ["im2col", "winograd"]) {
    parts.push(
      vitest(`convolutions with NABLA_CONV=${algorithm}`, ["test/ops/conv", "--typecheck.enabled=false"], {
        NABLA_CONV: algorithm,
      }),
    );
  }

  console.log();
  for (const part of parts) console.log(`${part.name}: ${part.passed} passed, ${part.failed} failed`);
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
  closingLine({ passed: sum("passed"), failed: sum("failed") });
});
