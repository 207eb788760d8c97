// Leaves out every barrier and wait of CUDA's kernels, one at a time, and demands that the native tests notice: by a
// report of the checked emulator, or by a wrong result. A barrier whose absence nobody notices is either not needed or
// not tested.
//
//   node scripts/cuda-deletions.mjs [--build build/emulator] [--only part of a file's name] [--tests part of a program's name]
//     [--limit seconds of a test]
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { Failure, root, run } from "./lib.mjs";

const CALL = /\b(__syncthreads|__syncwarp|cp_async_wait)\s*(<[^>]*>)?\s*\(/;
const CAPABILITIES = [75, 90];

const { values: options } = parseArgs({
  options: {
    build: { type: "string", default: join(root, "build/emulator") },
    only: { type: "string", default: "" },
    tests: { type: "string", default: "" },
    limit: { type: "string", default: "300" },
  },
});

await run(() => {
  const sites = sitesOfKernels().filter((site) => site.includes(options.only));
  if (sites.length === 0) throw new Failure("cuda-deletions: no barrier or wait was found");
  const reaching = testsBySite();
  const unreached = sites.filter((site) => !reaching.has(site));
  const unnoticed = [];
  let caught = 0;
  for (const site of sites) {
    if (!reaching.has(site)) {
      console.log(`NOT REACHED  ${site}`);
      continue;
    }
    const by = reaching.get(site).find((test) => notices(test, site));
    if (by) {
      caught += 1;
      console.log(`caught       ${site}  by ${by.program} ${by.name}`);
    } else {
      unnoticed.push(site);
      console.log(`NOT CAUGHT   ${site}`);
    }
  }
  console.log(
    `${sites.length} barriers and waits: ${caught} caught, ${unnoticed.length} not caught, ${unreached.length} not reached`,
  );
  if (caught < sites.length) {
    throw new Failure(`cuda-deletions: nobody misses\n  ${[...unnoticed, ...unreached].join("\n  ")}`);
  }
});

/** Every call in native/cuda, as path:line. */
function sitesOfKernels() {
  const folder = join(root, "native/cuda");
  const files = readdirSync(folder, { recursive: true }).filter((file) => /\.(cu|h)$/.test(file));
  return files.flatMap((file) => {
    const lines = readFileSync(join(folder, file), "utf8").split("\n");
    return lines.flatMap((line, i) => {
      const code = line.replace(/\/\/.*/, "");
      // A definition is no call.
      const definition = /\bvoid\s+cp_async_wait\b|emulator::/.test(code);
      return CALL.test(code) && !definition ? [`${relative(root, join(folder, file))}:${i + 1}`] : [];
    });
  });
}

/** For each place the tests that come by, the fastest first. Every program runs once for each capability. */
function testsBySite() {
  const programs = readdirSync(options.build).filter(
    (file) => file.endsWith("_test_cuda_checked") && file.includes(options.tests),
  );
  if (programs.length === 0) throw new Failure(`cuda-deletions: no test programs in ${options.build}`);
  const folder = mkdtempSync(join(tmpdir(), "nabla-sites-"));
  const reaching = new Map();
  for (const program of programs) {
    for (const capability of CAPABILITIES) {
      const file = join(folder, `${program}-${capability}`);
      const { status } = start(program, "", { NABLA_EMULATOR_SITES: file }, capability);
      if (status === null) throw new Failure(`${program} was ended by a signal, or after ${options.limit} s`);
      if (status !== 0) throw new Failure(`${program} fails before anything is deleted (capability ${capability})`);
      if (!existsSync(file)) continue;
      for (const line of readFileSync(file, "utf8").trim().split("\n")) {
        if (line === "") continue;
        const [name, milliseconds, path] = line.split(" ");
        const site = path.slice(path.indexOf("native/cuda/"));
        if (!reaching.has(site)) reaching.set(site, []);
        reaching.get(site).push({ program, name, capability, milliseconds: Number(milliseconds) });
      }
    }
  }
  rmSync(folder, { recursive: true });
  for (const tests of reaching.values()) tests.sort((a, b) => a.milliseconds - b.milliseconds);
  return reaching;
}

/** Whether a test fails without the barrier. */
function notices(test, site) {
  const { status, stderr } = start(test.program, test.name, { NABLA_EMULATOR_DELETE: site }, test.capability);
  const left = /emulator: left out (\d+) calls/.exec(stderr);
  // A program that was killed, or never came by, has shown nothing. One that crashed has.
  if (status === null ? !/emulator: crash/.test(stderr) : left && Number(left[1]) === 0) return false;
  return status !== 0;
}

function start(program, name, environment, capability) {
  return spawnSync(join(options.build, program), [name], {
    encoding: "utf8",
    timeout: 1000 * Number(options.limit),
    maxBuffer: 1 << 28,
    env: { ...process.env, NABLA_EMULATOR_CAPABILITY: String(capability), ...environment },
  });
}
