// Builds the kernels of CUDA for the emulator (native/test/cuda_emulator) into build/emulator: the addons for Node and,
// with `tests`, the native tests and the planted bugs.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure, execute, jobs, root } from "./lib.mjs";

export const folder = join(root, "build/emulator");

/** The addon's file. `checked`: with the hooks that find races, overruns and memory that was never written. */
export function emulatedAddon({ checked = false } = {}) {
  return join(folder, "Release", `nabla_${checked ? "cuda_checked" : "cuda"}_emulated.node`);
}

export function buildEmulator({ tests = false } = {}) {
  if (!existsSync(join(folder, "CMakeCache.txt"))) {
    console.log("Compiling CUDA's kernels for the emulator (some minutes the first time) ...");
  }
  const options = {
    CMAKE_BUILD_TYPE: "Release",
    CMAKE_LIBRARY_OUTPUT_DIRECTORY: join(folder, "Release"),
    // As cmake-js says it to the addon that ships.
    CMAKE_JS_INC: join(root, "node_modules/node-api-headers/include"),
  };
  const definitions = Object.entries(options).map(([name, value]) => `-D${name}=${value}`);
  const quiet = { stdio: ["ignore", "ignore", "inherit"] };
  execute("cmake", ["-S", "native/test/cuda_emulator", "-B", folder, ...definitions], quiet);
  const targets = tests ? [] : ["--target", "nabla_cuda_emulated"];
  execute("cmake", ["--build", folder, ...targets, "--parallel", jobs]);
  if (!existsSync(emulatedAddon())) throw new Failure(`the build left no ${emulatedAddon()}`);
}
