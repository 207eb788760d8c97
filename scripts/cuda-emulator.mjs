// Builds the kernels of CUDA for the emulator (native/test/cuda_emulator) into build/emulator: the addons for Node and,
// with `tests`, the native tests and the planted bugs.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure, bin, execute, jobs, root } from "./lib.mjs";

export const folder = join(root, "build/emulator");

/** The addon's file. `checked`: with the hooks that find races, overruns and memory that was never written. */
export function emulatedAddon({ checked = false } = {}) {
  return join(folder, "Release", `nabla_${checked ? "cuda_checked" : "cuda"}_emulated.node`);
}

export function buildEmulator({ tests = false } = {}) {
  if (!existsSync(join(folder, "CMakeCache.txt"))) {
    console.log("Compiling CUDA's kernels for the emulator (some minutes the first time) ...");
  }
  const where = ["--directory", "native/test/cuda_emulator", "--out", folder, "--log-level", "warn"];
  execute(...bin("cmake-js", "cmake-js", ["configure", ...where], { stdio: ["ignore", "ignore", "inherit"] }));
  const targets = tests ? [] : ["--target", "nabla_cuda_emulated"];
  execute(...bin("cmake-js", "cmake-js", ["build", ...where, ...targets, "--parallel", jobs]));
  if (!existsSync(emulatedAddon())) throw new Failure(`the build left no ${emulatedAddon()}`);
}
