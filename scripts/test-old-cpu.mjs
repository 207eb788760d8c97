// `npm run test:old-cpu`: starts the addon of this x86-64 machine, with NABLA_ISA unset, on emulated CPUs that lack its
// instruction sets, and runs every kernel there: the best set that the CPU has must be chosen, and no kernel may end the
// process by an instruction that the CPU does not know.
import { join } from "node:path";
import { needPrograms } from "./emulator.mjs";
import { Failure, closingLine, output, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

/** Names of qemu, and what is to be chosen there. */
const CPUS = {
  core2duo: "scalar", // SSSE3
  Nehalem: "scalar", // SSE4.2
  "Haswell-noTSX,-fma": "scalar", // AVX2 without the FMA that its kernels use
  "Haswell-noTSX": "avx2",
};

await run(() => {
  if (process.arch !== "x64" || process.platform !== "linux") {
    throw new Failure(`npm run test:old-cpu needs Linux on x64; this is ${process.platform}-${process.arch}`);
  }
  needPrograms(["qemu-x86_64"], "qemu-user");
  setup();
  const { NABLA_ISA: _, ...env } = process.env;
  let failed = 0;
  for (const [cpu, expected] of Object.entries(CPUS)) {
    const args = ["-cpu", cpu, process.execPath, "test/support/kernels-run.mjs", join(root, "dist")];
    const { isa, all, ran } = JSON.parse(output("qemu-x86_64", args, { env }));
    const right = isa === expected && all.length > 0 && all.every((name) => ran.includes(name));
    if (!right) failed += 1;
    console.log(
      `${right ? "ok" : "FAILED"} ${cpu}: chose ${isa} (expected ${expected}), ${ran.length} of ${all.length} kernels ran`,
    );
  }
  closingLine({ passed: Object.keys(CPUS).length - failed, failed });
});
