import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import bindings from "bindings";
import { NativeError } from "../errors.js";
import type { CpuAddon, CudaAddon } from "./contract.js";

/** `bindings` sets `path`: the file that was loaded. */
export type Loaded<A> = A & { readonly path: string };

/** The package that brings CUDA, and the only platform that it is for. */
const CUDA_PACKAGE = "nabla-cuda-linux-x64";
const CUDA_PLATFORM = "linux-x64-glibc";
const CUDA_FILE = "nabla_cuda.node";

/**
 * Finds and loads the native addon of the CPU: the file that `NABLA_ADDON` names and no other, or else the first that
 * loads of the binary of this platform that the package ships and a local build.
 *
 * @throws NativeError with every place tried, why it failed and what mends it.
 */
export function loadAddon(environment = process.env, root = packageRoot()): Loaded<CpuAddon> {
  const override = environment["NABLA_ADDON"];
  const candidates = override ? [resolve(override)] : addonFiles(root);
  const attempts: string[] = [];
  for (const file of candidates) {
    const addon = load<CpuAddon>(file);
    if (typeof addon !== "string") return addon;
    attempts.push(`  ${file}: ${addon}`);
  }
  throw new NativeError(
    `native addon: none could be loaded for ${platformName()} (Node ${process.versions.node}), tried:\n` +
      `${attempts.join("\n")}\n${mend(root, override)}`,
  );
}

/** In a checkout the local build comes first: it is newer than a binary that `npm run prebuild` made of it once. */
function addonFiles(root: string): string[] {
  const files = [join(root, "prebuilds", platformName(), "nabla.node"), join(root, "build", "Release", "nabla.node")];
  return isCheckout(root) ? files.reverse() : files;
}

/** Sources are not in the package. */
function isCheckout(root: string): boolean {
  return existsSync(join(root, "CMakeLists.txt"));
}

/**
 * Finds and loads the native addon of CUDA: the file that `NABLA_CUDA_ADDON` names and no other, or else a local build,
 * or else that of the package nabla-cuda-linux-x64.
 *
 * @returns the addon, or in a sentence why there is none and what mends it.
 */
export function loadCudaAddon(environment = process.env, root = packageRoot()): Loaded<CudaAddon> | string {
  const override = environment["NABLA_CUDA_ADDON"];
  if (override) {
    const addon = load<CudaAddon>(resolve(override));
    return typeof addon === "string"
      ? `NABLA_CUDA_ADDON names ${resolve(override)}, which does not load: ${addon}`
      : addon;
  }
  const built = join(root, "build", "Release", CUDA_FILE);
  const file = existsSync(built) ? built : packagedFile(root);
  if (file === undefined) {
    return platformName() === CUDA_PLATFORM
      ? `the package ${CUDA_PACKAGE} is not installed: npm install ${CUDA_PACKAGE}`
      : `CUDA is for ${CUDA_PLATFORM} alone: this is ${platformName()}`;
  }
  const addon = load<CudaAddon>(file);
  return typeof addon === "string" ? `${file} does not load: ${addon}` : addon;
}

/** The addon in the package that an `npm install` beside this one has put there. */
function packagedFile(root: string): string | undefined {
  try {
    const { resolve: find } = createRequire(join(root, "package.json"));
    return join(dirname(find(`${CUDA_PACKAGE}/package.json`)), CUDA_FILE);
  } catch {
    return undefined;
  }
}

/** The addon, or why it did not load. */
function load<A>(file: string): Loaded<A> | string {
  if (!existsSync(file)) return "no such file";
  try {
    // With module_root given, `bindings` does not look for the caller's file (which fails for a path with "#").
    return bindings({ bindings: "nabla.node", module_root: file, try: [["module_root"]] }) as Loaded<A>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return reason.replace(`${file}: `, ""); // the caller names the file
  }
}

function mend(root: string, override: string | undefined): string {
  if (override) return "NABLA_ADDON is set, so no other place was tried: mend its value or unset it.";
  if (isCheckout(root)) return "This is a checkout: build the addon with `npm run build`.";
  const folder = join(root, "prebuilds");
  const platforms = existsSync(folder) ? readdirSync(folder).sort() : [];
  if (platforms.length === 0) return "The package is not whole, it holds no binary: install it again.";
  const build = "build nabla in a checkout (`npm run build`) and let NABLA_ADDON name its build/Release/nabla.node.";
  return platforms.includes(platformName())
    ? `Install the package again; if this binary is not for this system, ${build}`
    : `The package holds binaries for ${platforms.join(", ")} alone: for ${platformName()}, ${build}`;
}

/** As the folders of prebuilds/ are named: `linux-x64-glibc`, `darwin-arm64`. */
export function platformName(): string {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === "linux" ? `${name}-${glibcVersion() ? "glibc" : "musl"}` : name;
}

/** That of the system; undefined where the C library is another one. */
export function glibcVersion(): string | undefined {
  // The types of Node 20 lack excludeNetwork. Without it the report resolves the addresses of open sockets.
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork;
  return header.glibcVersionRuntime;
}

/** The nearest folder above this file that has a package.json: this file lies in src/ts/native or dist/native. */
function packageRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) return start;
  }
}
