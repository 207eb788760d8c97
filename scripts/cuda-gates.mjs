// `node scripts/cuda-gates.mjs [--update] [WORD...]`: what nvcc makes of the kernels of CUDA, for every architecture of
// the build (which a warning ends), without a GPU. The code stays within a budget of bytes; nothing lies in local memory;
// registers and shared memory do not grow beyond the table native/cuda/kernels.tsv; enough warps fit on a multiprocessor;
// the machine code has the instructions that it was written for. `--update` writes the table anew. With words only the
// sources are looked at that have one of them in their path; gates that then see no kernel fail.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, closingLine, execute, output, root, run } from "./lib.mjs";
import { compiled } from "./cuda-kernels.mjs";
import { setup } from "./setup.mjs";

const table = join(root, "native/cuda/kernels.tsv");
const PROBE = "native/test/cuda_gates/probe.cu";
const BUDGET_MIB = 24;

/** Sources whose kernels multiply matrices: few warps with many registers each. Others hide latency by many warps. */
const PRODUCTS = /\/gemm\/|\/matmul|\/conv2d|attention/;
const PRODUCT_WARPS = 8;
const OTHERS_SHARE = 0.5;

const TENSOR_CORES = /tensor_core/;

/** What the machine code of kernels must have: counted once for each kernel and architecture. */
const MIXES = [
  {
    name: "tensor cores",
    kernels: TENSOR_CORES,
    holds: (code, architecture) => architecture < 80 || (code.HMMA > 0 && code.LDGSTS > 0),
    wants: "HMMA and LDGSTS from sm_80 on",
  },
  {
    name: "products of float32 without tensor cores",
    kernels: /^(simt_product|attention_(forward|key_grad|query_grad))<.*float/,
    holds: (code) => code.FFMA + 2 * code.FFMA2 >= 8 * code["LDS.128"] && code["LDS.128"] > 0,
    wants: "at least 8 FFMA for each LDS.128",
  },
  {
    name: "elementwise by vectors",
    kernels: /^map_packs<.*float/,
    holds: (code) => code["LDG.128"] > 0,
    wants: "LDG.128",
  },
];

await run(() => {
  const nvcc = spawnSync("nvcc", ["--version"], { encoding: "utf8" });
  if (nvcc.error || nvcc.status !== 0) {
    console.log("gates of nvcc: not run, because there is no nvcc on PATH");
    return;
  }
  const version = /V([\d.]+)/.exec(nvcc.stdout)?.[1];
  const update = process.argv.includes("--update");
  const words = process.argv.slice(2).filter((word) => word !== "--update");
  const list = output(process.execPath, ["scripts/cmake-list.mjs", "NABLA_CUDA_KERNELS"]).trim().split("\n");
  const sources = list.filter((source) => words.length === 0 || words.some((word) => source.includes(word)));
  setup({ ts: false });
  execute("cmake", ["--build", "build", "--target", "nabla_cuda_probe"]);
  const probe = compiled("nabla_cuda_probe", PROBE);
  const results = sources.map((source) => compiled("nabla_cuda_kernels", source));
  for (const { source, kernels, bytes } of results) {
    console.log(`${source}: ${kernels.length} kernels, ${(bytes / 1024).toFixed(0)} KiB`);
  }
  const kernels = results.flatMap((result) => result.kernels);
  // Every gate gets rows of a kernel on a machine, and gives back the sentences of those that fail.
  const rows = kernels.flatMap(onMachines);
  // Rows of the table that are of other sources stay as they are.
  const isSeen = (row) => sources.includes(row.source) || !list.includes(row.source);
  const known = update ? writeTable(kernels, isSeen, version) : readTable();
  const gates = {
    "the reader of machine code": () => checkProbe(probe),
    "a budget of bytes": () => checkBytes(results, rows),
    "no local memory": () => checkMemory(rows),
    "registers and shared memory": () => checkTable(kernels, known, isSeen, version),
    occupancy: () => checkOccupancy(rows, known),
    ...Object.fromEntries(MIXES.map((mix) => [`instructions: ${mix.name}`, () => checkMix(rows, mix)])),
  };
  let failed = 0;
  for (const [name, gate] of Object.entries(gates)) {
    const { seen, offending } = gate();
    console.log(`--- ${name}: ${seen} kernels on their machines, ${offending.length} offending ---`);
    for (const line of offending) console.log(`  ${line}`);
    if (seen === 0) console.log("  no kernel was seen: this gate checks nothing");
    if (seen === 0 || offending.length > 0) failed += 1;
  }
  closingLine({ passed: Object.keys(gates).length - failed, failed });
});

function onMachines(kernel) {
  return Object.entries(kernel.machines).map(([architecture, machine]) => ({
    ...kernel,
    ...machine,
    architecture: Number(architecture),
    title: `${kernel.source}: ${kernel.kernel} on sm_${architecture}`,
  }));
}

/** The counts that the probe's comments state, on every machine. */
function checkProbe({ source, kernels }) {
  const wanted = {
    load_128: (row) => row.code["LDG.128"] === 1 && row.code.LDG === 1,
    load_32: (row) => row.code["LDG.128"] === 0 && row.code.LDG === 1,
    shared_128: (row) => row.code.FFMA === 40 && row.code["LDS.128"] === 1 && row.code["LDG.128"] === 0,
    local_array: (row) => row.stack > 0 && row.code.LDL > 0 && row.code.STL > 0,
    tensor_core: (row) => row.architecture < 80 || (row.code.HMMA === 16 && row.code.LDGSTS === 1),
  };
  const rows = kernels.flatMap(onMachines);
  for (const name of Object.keys(wanted)) {
    if (!rows.some((row) => row.kernel === name)) throw new Failure(`${source}: no kernel ${name}`);
  }
  const offending = rows.filter((row) => !wanted[row.kernel]?.(row));
  return { seen: rows.length, offending: offending.map((row) => `${row.title}: ${JSON.stringify(row.code)}`) };
}

function checkBytes(results, rows) {
  const defines = (source) => readFileSync(join(root, source), "utf8").includes("__global__");
  const empty = results.filter(({ source, kernels }) => kernels.length === 0 && defines(source));
  const offending = empty.map(({ source }) => `${source}: has no kernel`);
  const mib = results.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20;
  console.log(`code for all machines: ${mib.toFixed(2)} MiB of at most ${BUDGET_MIB}`);
  if (mib > BUDGET_MIB) offending.push(`the code has ${mib.toFixed(2)} MiB, more than ${BUDGET_MIB}`);
  return { seen: rows.length, offending };
}

function checkMemory(rows) {
  const offending = rows.filter(({ stack, spills, code }) => stack + spills + code.LDL + code.STL > 0);
  return {
    seen: rows.length,
    offending: offending.map(
      ({ title, stack, spills, code }) =>
        `${title}: ${stack} bytes of stack, ${spills} of spills, ${code.LDL + code.STL} instructions for local memory`,
    ),
  };
}

function checkTable(kernels, known, isSeen, version) {
  const offending = [];
  if (known.version !== version) {
    offending.push(`the table is of nvcc ${known.version}, this is ${version}: look at what changed, then --update`);
    return { seen: kernels.length, offending };
  }
  const gone = new Set([...known.rows].filter(([, row]) => isSeen(row)).map(([key]) => key));
  for (const kernel of kernels) {
    const key = keyOf(kernel);
    const row = known.rows.get(key);
    gone.delete(key);
    if (!row) {
      offending.push(`${key}: is not in the table: --update`);
      continue;
    }
    for (const [architecture, { registers, shared }] of Object.entries(kernel.machines)) {
      const before = row.machines[architecture];
      if (!before) offending.push(`${key}: sm_${architecture} is not in the table: --update`);
      else if (registers > before.registers || shared > before.shared) {
        offending.push(
          `${key} on sm_${architecture}: ${registers} registers and ${shared} shared bytes, ` +
            `more than ${before.registers} and ${before.shared} of the table`,
        );
      }
    }
  }
  offending.push(...[...gone].map((key) => `${key}: is in the table only: --update`));
  return { seen: kernels.length, offending };
}

function checkOccupancy(rows, known) {
  const offending = [];
  const complete = rows.filter((row) => {
    if (TENSOR_CORES.test(row.kernel) && row.architecture < 80) return false; // is never started there
    row.dynamicBytes = known.rows.get(keyOf(row))?.dynamic ?? 0;
    if (row.threads === 0) offending.push(`${row.title}: has no __launch_bounds__`);
    else if (row.dynamic && !(row.dynamicBytes > 0)) {
      offending.push(`${row.title}: the table does not say how much dynamic shared memory it is launched with`);
    } else return true;
    return false;
  });
  const helper = join(root, "build/cuda-occupancy");
  execute("nvcc", ["-std=c++17", "-cudart", "none", "native/test/cuda_gates/occupancy.cc", "-o", helper]);
  const input = complete.map((row) =>
    [row.architecture, row.threads, row.registers, row.shared, row.dynamicBytes].join(" "),
  );
  const answers = output(helper, [], { input: input.join("\n"), stdio: ["pipe", "pipe", "inherit"] }).trim();
  const lines = answers === "" ? [] : answers.split("\n");
  if (lines.length !== complete.length) throw new Failure(`occupancy: ${lines.length} answers of ${complete.length}`);
  let seen = 0;
  for (const [i, row] of complete.entries()) {
    const [warps, most] = lines[i].split(" ").map(Number);
    const wanted = PRODUCTS.test(row.source) ? PRODUCT_WARPS : most * OTHERS_SHARE;
    seen += 1;
    if (warps < wanted) offending.push(`${row.title}: ${warps} warps of ${most}, fewer than ${wanted}`);
  }
  return { seen, offending };
}

function checkMix(rows, mix) {
  const of = rows.filter((row) => mix.kernels.test(row.kernel));
  const offending = of.filter((row) => !mix.holds(row.code, row.architecture));
  return {
    seen: of.length,
    offending: offending.map((row) => `${row.title}: has ${JSON.stringify(row.code)}, wants ${mix.wants}`),
  };
}

function keyOf({ source, kernel }) {
  return `${source}\t${kernel}`;
}

/**
 * The table: { version, rows }, rows by source and kernel with machines[architecture] = { registers, shared } and the
 * most bytes of dynamic shared memory that the kernel is launched with, which is written by hand.
 */
function readTable() {
  const rows = new Map();
  if (!existsSync(table)) return { version: "no version: there is no table", rows };
  const [title, header, ...lines] = readFileSync(table, "utf8").trimEnd().split("\n");
  const architectures = header.split("\t").slice(4);
  for (const line of lines) {
    const [source, kernel, , dynamic, ...cells] = line.split("\t");
    const machines = {};
    for (const [i, cell] of cells.entries()) {
      const [registers, shared] = cell.split("/").map(Number);
      machines[architectures[i].replace("sm_", "")] = { registers, shared };
    }
    rows.set(keyOf({ source, kernel }), { source, line, machines, dynamic: Number(dynamic) });
  }
  return { version: /nvcc (\d+(?:\.\d+)*)/.exec(title)?.[1] ?? "no version", rows };
}

function writeTable(kernels, isSeen, version) {
  const before = readTable().rows;
  const architectures = [...new Set(kernels.flatMap(({ machines }) => Object.keys(machines)))].sort((a, b) => a - b);
  const lines = kernels.map((kernel) => {
    const dynamic = kernel.dynamic ? before.get(keyOf(kernel))?.dynamic || "?" : 0;
    const cells = architectures.map((architecture) => {
      const machine = kernel.machines[architecture];
      return machine ? `${machine.registers}/${machine.shared}` : "";
    });
    return [keyOf(kernel), kernel.threads, dynamic, ...cells].join("\t");
  });
  lines.push(...[...before.values()].filter((row) => !isSeen(row)).map(({ line }) => line));
  const header = ["source", "kernel", "threads", "dynamic", ...architectures.map((name) => `sm_${name}`)].join("\t");
  const title =
    `# Registers of a thread / static shared bytes of a block, by nvcc ${version}. Written by ` +
    "`node scripts/cuda-gates.mjs --update`, but for `dynamic`: the most dynamic shared bytes of a launch.";
  writeFileSync(table, [title, header, ...lines.sort()].join("\n") + "\n");
  return readTable();
}
