// Stands for the addon of CUDA where none is built: a copy of the CPU's, which the system loads as another library, with the
// facts and options of CUDA. NABLA_FAKE_CUDA is what `info` says instead, as JSON.
const { copyFileSync, mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

const folder = mkdtempSync(join(tmpdir(), "nabla-cuda-"));
const file = join(folder, "nabla_cuda.node");
copyFileSync(process.env.NABLA_ADDON || join(__dirname, "..", "..", "build", "Release", "nabla.node"), file);
const addon = require(file);
rmSync(folder, { recursive: true });

const { ops, cpus, isa } = addon.info();
const facts = {
  devices: [{ name: "Fake GPU", capability: 90, memory: 2 ** 30, multiprocessors: 4, clock: 1.5e9, bandwidth: 2e12 }],
  reason: "",
  driver: 13000,
  runtime: 13000,
};

module.exports = Object.assign(Object.create(addon), {
  info: () => ({ ops, cpus, ...facts, ...JSON.parse(process.env.NABLA_FAKE_CUDA || "{}") }),
  open: ({ device, memoryLimit, allowTf32 }) => {
    if (device !== 0 || typeof allowTf32 !== "boolean") throw new Error("open: not the options of CUDA");
    const { commands, trackIds, status } = addon.open({ isa, threads: 1, pin: false, memoryLimit });
    const [{ name, capability }] = facts.devices;
    return { commands, trackIds, status, name, capability };
  },
});
