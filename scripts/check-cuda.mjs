// `npm run check:cuda`: the gates of the CUDA half, none of which needs a GPU (docs/cuda.md says what each proves). The
// last line adds them all up; a gate that looked at nothing counts as failed.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { closingLine, root, run } from "./lib.mjs";
import { buildEmulator, emulatedAddon, folder } from "./cuda-emulator.mjs";
import { nativeTests } from "./native-tests.mjs";
import { setup } from "./setup.mjs";
import { counted, heading, vitest } from "./vitest.mjs";

await run(() => {
  setup();
  buildEmulator({ tests: true });
  const hasCompiler = !spawnSync("nvcc", ["--version"]).error;
  const parts = [];
  if (hasCompiler) {
    parts.push(script("what nvcc makes of the kernels", "cuda-gates.mjs"), withoutDriver());
  } else {
    console.log("\nnot run: the gates of nvcc, and the addon without a driver (there is no nvcc on PATH)");
  }
  parts.push(
    nativeTests("native tests on the emulator, and the planted bugs", folder),
    script("every barrier left out in turn", "cuda-deletions.mjs"),
    script("ops and networks on the emulated device", "test-cuda.mjs", "--emulated"),
    opsWithoutTensorCores(),
  );
  console.log();
  for (const part of parts) console.log(`${part.name}: ${part.passed} passed, ${part.failed} failed`);
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
  closingLine({ passed: sum("passed"), failed: sum("failed") });
});

/** A script of this folder, by its closing line. */
function script(name, file, ...args) {
  heading(name);
  const { stdout, status } = spawnSync(process.execPath, [join("scripts", file), ...args], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.stdout.write(stdout);
  const [, passed, failed] = (/(\d+) passed, (\d+) failed\s*$/.exec(stdout) ?? [0, 0, 0]).map(Number);
  return counted(name, { passed, failed, status });
}

/** The addon that ships, on a machine that has no driver (or none that the loader can find). */
function withoutDriver() {
  const name = "the addon without a driver";
  heading(name);
  const file = join(root, "build/Release/nabla_cuda.node");
  const program = `
    const addon = require(process.argv[1]);
    const { ops, devices, reason } = addon.info();
    if (ops.length === 0) throw new Error("no ops");
    if (devices.length > 0) { console.log("a GPU is present: " + devices[0].name); process.exit(0); }
    if (!/^[^.\\n]+$/.test(reason)) throw new Error("no sentence: " + reason);
    console.log(reason);
    try {
      addon.open({ device: 0, memoryLimit: 0, allowTf32: false });
    } catch (error) {
      console.log(error.message);
      process.exit(0);
    }
    throw new Error("open went well");`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["-e", program, file], { encoding: "utf8" });
  process.stdout.write(stdout + stderr);
  const held = existsSync(file) && status === 0;
  return counted(name, { passed: held ? 1 : 0, failed: held ? 0 : 1, status });
}

/** The op tests that have ways of their own for machines without tensor cores of tf32. */
function opsWithoutTensorCores() {
  const tests = ["test/ops/matmul", "test/ops/conv", "test/ops/lstm", "test/ops/scaledDotProductAttention"];
  const options = ["--typecheck.enabled=false", "--testTimeout=600000", "--hookTimeout=600000"];
  return vitest("products on compute capability 7.5", [...tests, ...options], {
    NABLA_DEVICE: "cuda",
    NABLA_CUDA_ADDON: emulatedAddon(),
    NABLA_EMULATOR_CAPABILITY: "75",
  });
}
