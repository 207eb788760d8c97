import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import bindings from "bindings";
import { NativeError } from "../errors.js";
import type { Addon } from "./contract.js";

/** `bindings` sets `path`: the file that was loaded. */
export interface LoadedAddon extends Addon {
  readonly path: string;
}

/**
 * Finds and loads the native addon: the file that `NABLA_ADDON` names and no other, or else the first that loads of a
 * local build and the binary of this platform that the package ships.
 *
 * @throws NativeError with every place tried, why it failed and what mends it.
 */
export function loadAddon(environment = process.env, root = packageRoot()): LoadedAddon {
  const override = environment["NABLA_ADDON"];
  const candidates = override ? [resolve(override)] : addonFiles(root);
  const attempts: string[] = [];
  for (const file of candidates) {
    const addon = load(file);
    if (typeof addon !== "string") return addon;
    attempts.push(`  ${file}: ${addon}`);
  }
  throw new NativeError(
    `native addon: none could be loaded for ${platformName()} (Node ${process.versions.node}), tried:\n` +
      `${attempts.join("\n")}\n${mend(root, override)}`,
  );
}

/** In a package there is no local build; in a checkout it is newer than a prebuilt binary. */
function addonFiles(root: string): string[] {
  return [join(root, "build", "Release", "nabla.node"), join(root, "prebuilds", platformName(), "nabla.node")];
}

/** The addon, or why it did not load. */
function load(file: string): LoadedAddon | string {
  if (!existsSync(file)) return "no such file";
  try {
    // With module_root given, `bindings` does not look for the caller's file (which fails for a path with "#").
    return bindings({ bindings: "nabla.node", module_root: file, try: [["module_root"]] }) as LoadedAddon;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return reason.replace(`${file}: `, ""); // the caller names the file
  }
}

function mend(root: string, override: string | undefined): string {
  if (override) return "NABLA_ADDON is set, so no other place was tried: mend its value or unset it.";
  if (existsSync(join(root, "CMakeLists.txt"))) return "This is a checkout: build the addon with `npm run build`.";
  return "Reinstall the package. It ships binaries for linux-x64-glibc; elsewhere, build it from a checkout.";
}

/** As the folders of prebuilds/ are named: `linux-x64-glibc`, `darwin-arm64`. */
export function platformName(): string {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === "linux" ? `${name}-${usesGlibc() ? "glibc" : "musl"}` : name;
}

function usesGlibc(): boolean {
  // The types of Node 20 lack excludeNetwork. Without it the report resolves the addresses of open sockets.
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork;
  return header.glibcVersionRuntime !== undefined;
}

/** The nearest folder above this file that has a package.json: this file lies in src/ts/native or dist/native. */
function packageRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) return start;
  }
}
