// `npm run test:cuda`: the tests of the ops, and of networks that are trained, on the CUDA device of this machine. With
// --emulated they run on a device that the CPU emulates (native/test/cuda_emulator), which shows whether the kernels are
// right, not how fast they are. Further arguments go to vitest: `npm run test:cuda -- softmax`.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildEmulator, emulatedAddon } from "./cuda-emulator.mjs";
import { closingLine, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { vitest } from "./vitest.mjs";

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
    console.log(`device: ${name}, compute capability ${capability / 10}`);

  // Every tensor of the op tests is made on the device; the others choose theirs by themselves.
  const options = ["--typecheck.enabled=false", ...(emulated ? ["--testTimeout=600000", "--hookTimeout=600000"] : [])];
  const suites = [
    ["op tests with NABLA_DEVICE=cuda", ["test/ops"], { NABLA_DEVICE: "cuda" }],
    ["networks, and ops beside the CPU's", ["test/cuda.test.ts", "test/device-ops.test.ts"], {}],
  ];
  const chosen =
    selected.length > 0 ? [["selected tests with NABLA_DEVICE=cuda", selected, { NABLA_DEVICE: "cuda" }]] : suites;
  const parts = chosen.map(([name, files, environment]) => vitest(name, [...files, ...options], environment));

  console.log();
  for (const part of parts) console.log(`${part.name}: ${part.passed} passed, ${part.failed} failed`);
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
  closingLine({ passed: sum("passed"), failed: sum("failed") });
});
