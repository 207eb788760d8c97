// Proves that no code compiled for one instruction set can run on a CPU without it. An inline function that the
// compiler left out of line is a weak symbol; the linker keeps one copy for the whole program, which may be the AVX-512
// one. So an instruction set's objects may define such symbols only with its own namespace in their names.
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { Failure, output, root, run } from "./lib.mjs";

/** Those that need more than the baseline of the CPUs that this build is for; of AArch64, NEON is the baseline. */
const ISAS = { x64: ["avx2", "avx512"], arm64: ["neon"] }[process.arch] ?? [];
const WEAK = "WVu";

await run(() => {
  const build = process.argv[2] ?? join(root, "build");
  if (ISAS.length === 0) throw new Failure(`ISA symbols: no instruction set of ${process.arch} to look at`);
  const offending = [];
  for (const isa of ISAS) {
    const objects = objectsOf(join(build, `CMakeFiles/nabla_kernels_${isa}.dir`));
    if (objects.length === 0) throw new Failure(`ISA symbols: no object of nabla_kernels_${isa} under ${build}`);
    let symbols = 0;
    for (const object of objects) {
      for (const line of output("nm", ["--defined-only", "--format=posix", object]).split("\n")) {
        const [symbol, type] = line.split(" ");
        if (!type) continue;
        symbols += 1;
        if (WEAK.includes(type) && !inNamespace(symbol, isa)) offending.push(`${relative(build, object)}: ${symbol}`);
      }
    }
    if (symbols === 0) throw new Failure(`ISA symbols: the objects of nabla_kernels_${isa} define no symbol`);
    console.log(`ISA symbols: ${symbols} in ${objects.length} objects of ${isa}`);
  }
  if (offending.length > 0) {
    throw new Failure(`weak symbols outside the namespace of their instruction set:\n  ${offending.join("\n  ")}`);
  }
});

function objectsOf(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".o"))
    .map((name) => join(folder, name));
}

/** Whether a mangled name, or the type it is a template of, lies in nabla::<isa>: no other object can have the same. */
function inNamespace(symbol, isa) {
  return new RegExp(`(?<!\\d)${isa.length}${isa}`).test(symbol);
}
