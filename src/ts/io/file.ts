import { randomUUID } from "node:crypto";
import { open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { wrong } from "../checks.js";
import { ArgumentError, FormatError } from "../errors.js";

/** What is read or written at once: small enough for every system call, large enough that their number does not count. */
export const CHUNK_BYTES = 2 ** 23;

/** @throws ArgumentError unless `path` can be the name of a file. */
export function checkPath(op: string, path: unknown): asserts path is string {
  if (typeof path !== "string" || path === "" || path.includes("\0")) throw wrong(op, "path", path, "a file's name");
}

/** @throws ArgumentError when there is no such file, or it is none. */
export async function openFile(op: string, file: string): Promise<{ handle: FileHandle; size: number }> {
  try {
    // Before it is opened: to open a pipe would be to wait for who writes to it.
    if (!(await stat(file)).isFile()) throw new ArgumentError(`${op}: not a file: ${file}, expected a regular file`);
    const handle = await open(file, "r");
    return { handle, size: (await handle.stat()).size };
  } catch (error) {
    throw notFound(op, file, error);
  }
}

/** The error for a file that could not be opened; others than for a missing one stay as they are. */
export function notFound(op: string, file: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR" ? new ArgumentError(`${op}: file not found: ${file}`) : error;
}

/** Fills `target` with what begins at `position` of the file. @throws FormatError when the file ends before. */
export async function readFully<T extends Uint8Array>(
  op: string,
  handle: FileHandle,
  target: T,
  position: number,
  file: string,
): Promise<T> {
  for (let at = 0; at < target.length;) {
    const { bytesRead } = await handle.read(target, at, Math.min(target.length - at, CHUNK_BYTES), position + at);
    if (bytesRead === 0) {
      throw new FormatError(
        `${op}: truncated file: ${file} ends at byte ${position + at}, expected ${position + target.length} bytes`,
      );
    }
    at += bytesRead;
  }
  return target;
}

/**
 * A whole file, which is expected to be small; `what` says in messages what it is.
 *
 * @throws ArgumentError when there is no such file. @throws FormatError when it has more than `most` bytes.
 */
export async function readWhole(op: string, file: string, what: string, most: number): Promise<Uint8Array> {
  const { handle, size } = await openFile(op, file);
  try {
    if (size > most) {
      throw new FormatError(`${op}: ${what} too long: ${file} has ${size} bytes, expected at most ${most}`);
    }
    return await readFully(op, handle, new Uint8Array(size), 0, file);
  } finally {
    await handle.close();
  }
}

/** Appends all of the bytes. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await handle.write(bytes, at, Math.min(bytes.length - at, CHUNK_BYTES))).bytesWritten;
  }
}

/** A file that is to be written, and what writes it. */
export interface NewFile {
  readonly path: string;
  readonly write: (handle: FileHandle) => Promise<void>;
}

/**
 * Writes files under other names first and then gives them their own, in this order, once all are on the disk; leaves nothing
 * behind when writing fails.
 *
 * @throws ArgumentError when there is no such folder.
 */
export async function replaceFiles(op: string, files: readonly NewFile[]): Promise<void> {
  const temporaries: string[] = [];
  try {
    for (const { path, write } of files) {
      const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
      const handle = await open(temporary, "wx").catch((error: unknown) => {
        if (!["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code!)) throw error;
        throw new ArgumentError(`${op}: folder not found: ${dirname(path)}, expected one to write ${path} in`);
      });
      temporaries.push(temporary);
      try {
        await write(handle);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
    for (const [i, { path }] of files.entries()) await rename(temporaries[i]!, path);
  } catch (error) {
    for (const temporary of temporaries) await rm(temporary, { force: true });
    throw error;
  }
}

/** {@link replaceFiles} for one file. */
export function replaceFile(op: string, path: string, write: NewFile["write"]): Promise<void> {
  return replaceFiles(op, [{ path, write }]);
}
