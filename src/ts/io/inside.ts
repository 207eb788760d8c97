import { realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, posix, relative, sep, win32 } from "node:path";
import { FormatError } from "../errors.js";
import { notFound } from "./file.js";
import { show } from "./json.js";

/**
 * The path of another file, as `owner` names it: relative, and never up.
 *
 * @param place where `owner` names it, for messages: `for "kernel" in model.safetensors.index.json`.
 * @throws FormatError
 */
export function checkInside(op: string, path: unknown, place: string): string {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new FormatError(`${op}: not a file's name: ${show(path)} ${place}, expected a string`);
  }
  if (posix.isAbsolute(path) || win32.isAbsolute(path) || path.split(/[\\/]/).includes("..") || /^\w:/.test(path))
    throw outside(op, path, place);
  return path;
}

/**
 * The real path of a file that `owner` names, which links must not lead out of the folder of `owner`. In a cache of the Hugging Face
 * hub the folder is `snapshots/<commit>`, whose files are links to those of `blobs` beside `snapshots`: they may lead there.
 *
 * @throws ArgumentError when there is no such file. @throws FormatError when it is elsewhere.
 */
export async function resolveInside(op: string, owner: string, path: string, place: string): Promise<string> {
  const folder = await realpath(dirname(owner));
  const file = join(dirname(owner), path);
  const real = await realpath(file).catch((error: unknown) => {
    throw notFound(op, file, error);
  });
  const snapshots = dirname(folder);
  if (basename(snapshots) === "snapshots" && dirname(real) === join(dirname(snapshots), "blobs")) return real;
  const inside = relative(folder, real);
  if (inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) throw outside(op, path, place);
  return real;
}

function outside(op: string, path: string, place: string): FormatError {
  return new FormatError(`${op}: file outside the folder: ${show(path)} ${place}, expected one in that file's folder`);
}
