// What the build made of CUDA sources, for scripts/cuda-gates.mjs: the kernels in the files that scripts/nvcc-kept.mjs keeps.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Failure, output, root } from "./lib.mjs";
import { instructions, sectionBytes } from "./cubin.mjs";

/** What came of one source in the library `target` of CMake: { source, kernels, bytes }. */
export function compiled(target, source) {
  const object = join(root, `build/CMakeFiles/${target}.dir`, `${source}.o`);
  const folder = `${object}.kept`;
  if (!existsSync(object) || !existsSync(join(folder, "log.txt"))) {
    throw new Failure(`${source}: was not compiled in build/, which was perhaps configured without nvcc: remove it`);
  }
  const log = readFileSync(join(folder, "log.txt"), "utf8");
  return { source, kernels: kernelsOf(source, folder, log), bytes: sectionBytes(object, ".nv_fatbin") };
}

/**
 * A row for each kernel: { source, kernel, threads, dynamic, machines }, where machines[architecture] has registers,
 * shared, stack, spills and the counts of instructions.
 */
function kernelsOf(source, folder, log) {
  const files = readdirSync(folder);
  const launches = launchesOf(files.filter((name) => name.endsWith(".ptx")).map((name) => join(folder, name)));
  const code = new Map();
  for (const name of files.filter((file) => file.endsWith(".cubin"))) {
    code.set(Number(/(\d+)\.cubin$/.exec(name)[1]), instructions(join(folder, name)));
  }
  const kernels = new Map();
  let machine;
  for (const line of log.split("\n")) {
    const entry = /Compiling entry function '(\w+)' for 'sm_(\d+)'/.exec(line);
    if (entry) {
      const [, mangled, architecture] = entry;
      if (!kernels.has(mangled)) kernels.set(mangled, { source, mangled, machines: {}, ...launches.get(mangled) });
      machine = { stack: 0, spills: 0, shared: 0, code: code.get(Number(architecture))?.get(mangled) };
      kernels.get(mangled).machines[architecture] = machine;
      if (!machine.code) throw new Failure(`${source}: no machine code of ${mangled} for sm_${architecture}`);
      continue;
    }
    const memory = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (memory) {
      machine.stack = Math.max(machine.stack, Number(memory[1]));
      machine.spills = Math.max(machine.spills, Number(memory[2]), Number(memory[3]));
    }
    const used = /Used (\d+) registers/.exec(line);
    if (used) {
      machine.registers = Number(used[1]);
      machine.shared = Number(/(\d+) bytes smem/.exec(line)?.[1] ?? 0);
    }
  }
  const rows = [...kernels.values()];
  const names =
    rows.length > 0
      ? output(
          "c++filt",
          rows.map((row) => row.mangled),
        )
          .trimEnd()
          .split("\n")
      : [];
  return rows.map((row, i) => ({ ...row, kernel: shortName(names[i]) }));
}

/** Threads of a block (by __launch_bounds__; 0 without) and whether there is dynamic shared memory, by mangled name. */
function launchesOf(files) {
  const launches = new Map();
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    const dynamic = [...text.matchAll(/\.extern \.shared [^;]*?([\w$]+)\[\]/g)].map(([, name]) => name);
    for (const [, name, bounds, body] of text.matchAll(/\.entry (\w+)\([^)]*\)([^{]*)\{([\s\S]*?)^\}/gm)) {
      const threads = /\.maxntid (\d+)(?:, (\d+))?(?:, (\d+))?/.exec(bounds);
      launches.set(name, {
        threads: threads ? threads.slice(1).reduce((product, n) => product * Number(n ?? 1), 1) : 0,
        dynamic: dynamic.some((array) => body.includes(array)),
      });
    }
  }
  return launches;
}

/** `void nabla::cuda::(anonymous namespace)::f<float>(Args)` without what all names have: `f<float>`. */
function shortName(name) {
  let text = name.trim();
  if (text.endsWith(")")) {
    let depth = 0;
    let at = text.length;
    do {
      at -= 1;
      depth += text[at] === ")" ? 1 : text[at] === "(" ? -1 : 0;
    } while (depth > 0);
    text = text.slice(0, at);
  }
  return text.replace(/^void /, "").replaceAll(/\(anonymous namespace\)::|nabla(_probe|::cuda)?::/g, "");
}
