// Leaves out every barrier and wait of CUDA's kernels, one at a time, and demands that the native tests notice: by a
// report of the checked emulator, or by a wrong result. A barrier whose absence nobody notices is either not needed or
// not tested.
//
//   node scripts/cuda-deletions.mjs [--build build/emulator] [--only part of a file's name] [--tests part of a program's name]
//     [--limit seconds of a test]
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { Failure, closingLine, root, run } from "./lib.mjs";

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

await run(async () => {
  const sites = sitesOfKernels().filter((site) => site.includes(options.only));
  if (sites.length === 0) throw new Failure("cuda-deletions: no barrier or wait was found");
  const reaching = await testsBySite();
  const unreached = sites.filter((site) => !reaching.has(site));
  for (const site of unreached) console.log(`NOT REACHED  ${site}`);
  const unnoticed = [];
  let caught = 0;
  const reached = sites.filter((site) => reaching.has(site));
  await inParallel(reached, async (site) => {
    const by = await firstToNotice(reaching.get(site), site);
    if (by) {
      caught += 1;
      console.log(`caught       ${site}  by ${by.program} ${by.name}`);
    } else {
      unnoticed.push(site);
      console.log(`NOT CAUGHT   ${site}`);
    }
  });
  console.log(
    `${sites.length} barriers and waits: ${caught} caught, ${unnoticed.length} not caught, ${unreached.length} not reached`,
  );
  closingLine({ passed: caught, failed: sites.length - caught });
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
async function testsBySite() {
  const programs = readdirSync(options.build).filter(
    (file) => file.endsWith("_test_cuda_checked") && file.includes(options.tests),
  );
  if (programs.length === 0) throw new Failure(`cuda-deletions: no test programs in ${options.build}`);
  const folder = mkdtempSync(join(tmpdir(), "nabla-sites-"));
  const reaching = new Map();
  const whole = programs.flatMap((program) => CAPABILITIES.map((capability) => ({ program, capability })));
  await inParallel(whole, async ({ program, capability }) => {
    const file = join(folder, `${program}-${capability}`);
    const begin = Date.now();
    const { status, stdout, stderr } = await start(program, "", { NABLA_EMULATOR_SITES: file }, capability);
    if (status === null) throw new Failure(`${program} was ended by a signal, or after ${options.limit} s`);
    if (status !== 0) {
      throw new Failure(`${program}: fails with every barrier in place (capability ${capability})\n${stdout}${stderr}`);
    }
    console.log(`ok           ${program}, capability ${capability}: ${((Date.now() - begin) / 1000).toFixed(1)} s`);
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, "utf8").trim().split("\n")) {
      if (line === "") continue;
      const [name, milliseconds, path] = line.split(" ");
      const site = path.slice(path.indexOf("native/cuda/"));
      if (!reaching.has(site)) reaching.set(site, []);
      reaching.get(site).push({ program, name, capability, milliseconds: Number(milliseconds) });
    }
  });
  rmSync(folder, { recursive: true });
  for (const tests of reaching.values()) tests.sort((a, b) => a.milliseconds - b.milliseconds);
  return reaching;
}

/** The work on all items, as many at a time as there are cores. */
async function inParallel(items, work) {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

async function firstToNotice(tests, site) {
  for (const test of tests) if (await notices(test, site)) return test;
  return undefined;
}

/** Whether a test fails without the barrier. */
async function notices(test, site) {
  const { status, stderr } = await start(test.program, test.name, { NABLA_EMULATOR_DELETE: site }, test.capability);
  const left = /emulator: left out (\d+) calls/.exec(stderr);
  // A program that was killed, or never came by, has shown nothing. One that crashed has.
  if (status === null ? !/emulator: crash/.test(stderr) : left && Number(left[1]) === 0) return false;
  return status !== 0;
}

function start(program, name, environment, capability) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(options.build, program), [name], {
      timeout: 1000 * Number(options.limit),
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NABLA_EMULATOR_CAPABILITY: String(capability), ...environment },
    });
    const text = { stdout: "", stderr: "" };
    for (const key of Object.keys(text)) child[key].on("data", (chunk) => (text[key] += chunk));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, ...text }));
  });
}
