// `npm run test:cuda`: the tests of the ops, and of networks that are trained, on the CUDA device of this machine. With
// --emulated they run on a device that the CPU emulates (native/test/cuda_emulator): which shows whether the kernels are
// right, not how fast they are. Further arguments go to vitest, in place of the list of tests.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildEmulator, emulatedAddon } from "./cuda-emulator.mjs";
import { closingLine, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { vitest } from "./vitest.mjs";

/** An emulated device takes some thousand times as long. */
const PATIENCE = ["--testTimeout=600000", "--hookTimeout=600000"];

await run(async () => {
  const args = process.argv.slice(2);
  const emulated = args.includes("--emulated");
  const selected = args.filter((arg) => arg !== "--emulated");
  setup();
  if (emulated) {
    buildEmulator();
    process.env.NABLA_CUDA_ADDON = emulatedAddon();
  }
  const { loadCudaAddon } = await import(pathToFileURL(join(root, "dist/native/load.js")).href);
  const addon = loadCudaAddon();
  const reason = typeof addon === "string" ? addon : addon.info().reason;
  if (reason !== "") {
    console.log(`not run: no CUDA device can be used here: ${reason}`);
    console.log("`npm run test:cuda -- --emulated` runs the same tests on an emulated device");
    return closingLine({ passed: 0, failed: 0 });
  }
  // For the tests that would take another engine for the device.
  process.env.NABLA_CUDA_ADDON = addon.path;
  for (const { name, capability } of addon.info().devices)
    console.log(`${name}, compute capability ${capability / 10}`);

  // Processes would share the one GPU, and its memory.
  const options = ["--typecheck.enabled=false", ...(emulated ? PATIENCE : ["--maxWorkers=1"])];
  // The tests of the ops make every tensor on the device; the others name it.
  const onDevice = { NABLA_DEVICE: "cuda" };
  const parts =
    selected.length > 0
      ? [vitest("selected tests with NABLA_DEVICE=cuda", [...selected, ...options], onDevice)]
      : [
          vitest("op tests with NABLA_DEVICE=cuda", ["test/ops", ...options], onDevice),
          vitest("networks, and ops on two devices", ["test/cuda.test.ts", "test/device-ops.test.ts", ...options]),
        ];

  console.log();
  for (const part of parts) console.log(`${part.name}: ${part.passed} passed, ${part.failed} failed`);
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
  closingLine({ passed: sum("passed"), failed: sum("failed") });
});
