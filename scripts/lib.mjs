// What the scripts of this folder share: the root, running commands, the closing line.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const jobs = String(availableParallelism());

/** A message for the person at the terminal; the stack would only hide it. */
export class Failure extends Error {}

/** Runs a script's `main` and turns failures into a message and exit code 1. */
export async function run(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Failure ? error.message : error);
    process.exitCode = 1;
  }
}

/** Runs a program in the root with its output shown; throws unless it exits with 0. */
export function execute(program, args, options = {}) {
  const status = attempt(program, args, options);
  if (status !== 0) throw new Failure(`${program} ${args.join(" ")}: failed with exit code ${status}`);
}

/** The same, but returns the exit code. A program that cannot start throws. */
export function attempt(program, args, options = {}) {
  const { status, error, signal } = spawnSync(program, args, { cwd: root, stdio: "inherit", ...options });
  if (error) throw new Failure(`${program}: cannot be run: ${error.message}`);
  return status ?? `(signal ${signal})`;
}

/** Standard output of a program that must succeed; its errors are shown. */
export function output(program, args, options = {}) {
  const result = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "inherit"],
    ...options,
  });
  if (result.error) throw new Failure(`${program}: cannot be run: ${result.error.message}`);
  if (result.status !== 0) {
    throw new Failure(`${program} ${args.join(" ")}: failed with exit code ${result.status}\n${result.stdout}`);
  }
  return result.stdout;
}

/** Runs the command `name` of a package in node_modules, by its "bin" entry, without a shell. */
export function bin(packageName, name, args, options) {
  return [process.execPath, [binFile(packageName, name), ...args], options];
}

function binFile(packageName, name) {
  const folder = join(root, "node_modules", packageName);
  const { bin: entry } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof entry === "string" ? entry : entry[name]);
}

/** Prints the last line of a script that counts, and sets the exit code by it. */
export function closingLine({ passed, failed }) {
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0 || passed === 0) process.exitCode = 1;
}
