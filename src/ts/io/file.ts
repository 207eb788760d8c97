import { open, stat, type FileHandle } from "node:fs/promises";
import { ArgumentError, FormatError } from "../errors.js";

/** What is read or written at once: small enough for every system call, large enough that their number does not count. */
export const CHUNK_BYTES = 2 ** 23;

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

/** Appends all of the bytes. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await handle.write(bytes, at, Math.min(bytes.length - at, CHUNK_BYTES))).bytesWritten;
  }
}
