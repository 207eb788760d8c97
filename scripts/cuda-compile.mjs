// Compiles CUDA sources for scripts/cuda-gates.mjs, as the build does, and reads what the compiler says of each kernel.
// Results are kept in build/cuda-gates/ by the contents of the source, of the headers that it includes and of the flags.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { Failure, output, root } from "./lib.mjs";
import { instructions, sectionBytes } from "./cubin.mjs";

export const cache = join(root, "build/cuda-gates");

/** The version of nvcc, or undefined where there is none. */
export function compilerVersion() {
  const { error, status, stdout } = spawnSync("nvcc", ["--version"], { encoding: "utf8" });
  return error || status !== 0 ? undefined : /V([\d.]+)/.exec(stdout)?.[1];
}

/** The flags of the build, without those that end it at local memory: a gate of its own names the kernels. */
export function buildFlags() {
  const text = readFileSync(join(root, "CMakeLists.txt"), "utf8").replaceAll(/#.*/g, "");
  const list = /target_compile_options\(nabla_cuda_kernels PRIVATE([^)]*)\)/.exec(text)?.[1] ?? "";
  const words = (list.match(/[^\s"]+/g) ?? []).filter((word) => !word.startsWith("-Xptxas"));
  if (!words.some((word) => word.startsWith("-gencode="))) {
    throw new Failure("CMakeLists.txt: no flags for the kernels of CUDA");
  }
  return ["-std=c++17", "-O3", "-DNDEBUG", "-I", "native", ...words, "-Xptxas", "-v"];
}

/** Compiles all sources, as many at a time as there are cores; calls `done` with each result as it comes. */
export async function compileAll(sources, flags, version, done) {
  const results = new Map();
  const queue = [...sources];
  const worker = async () => {
    for (let source = queue.shift(); source; source = queue.shift()) {
      const result = await compile(source, flags, version);
      results.set(source, result);
      done(source, result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
  return sources.map((source) => results.get(source));
}

/** What came of one source: { source, ok, log, kernels, bytes }. */
async function compile(source, flags, version) {
  const key = createHash("sha256").update(JSON.stringify([version, flags]));
  for (const file of withIncludes(source)) key.update(file).update(readFileSync(join(root, file)));
  const folder = join(cache, `${basename(source, ".cu")}-${key.digest("hex").slice(0, 16)}`);
  if (!existsSync(folder)) {
    const work = `${folder}.${process.pid}`;
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    const args = [...flags, "--keep", "--keep-dir", work, "-c", source, "-o", join(work, "kernels.o")];
    const { status, log } = await runCompiler(args);
    if (status !== 0) {
      rmSync(work, { recursive: true, force: true });
      return { source, ok: false, log, kernels: [], bytes: 0 };
    }
    writeFileSync(join(work, "log.txt"), log);
    for (const name of readdirSync(work)) {
      if (!/\.(cubin|ptx|txt)$|^kernels\.o$/.test(name)) rmSync(join(work, name), { recursive: true });
    }
    for (const name of readdirSync(cache)) {
      if (name.startsWith(`${basename(source, ".cu")}-`) && !name.startsWith(basename(work))) {
        rmSync(join(cache, name), { recursive: true, force: true });
      }
    }
    renameSync(work, folder);
  }
  const log = readFileSync(join(folder, "log.txt"), "utf8");
  return { source, ok: true, log: "", kernels: kernelsOf(source, folder, log), bytes: fatbinBytes(folder) };
}

function runCompiler(args) {
  return new Promise((resolve, reject) => {
    const child = spawn("nvcc", args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let log = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, log }));
  });
}

/** A source and the project's headers that it includes, directly or not. */
function withIncludes(source) {
  const files = new Set([source]);
  for (const file of files) {
    for (const [, name] of readFileSync(join(root, file), "utf8").matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) {
      const found = [join("native", name), join(dirname(file), name)].find((path) => existsSync(join(root, path)));
      if (found) files.add(found);
    }
  }
  return [...files].sort();
}

function fatbinBytes(folder) {
  return sectionBytes(join(folder, "kernels.o"), ".nv_fatbin");
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
