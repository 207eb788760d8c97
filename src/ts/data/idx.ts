import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { FormatError } from "../errors.js";

/** The contents of an IDX file of bytes, the format of the MNIST files. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX file of unsigned bytes; one that was compressed with gzip is unpacked.
 *
 * @param rank the dimensions that it must have: 3 for images, 1 for labels.
 * @throws FormatError naming the file and the place that is wrong.
 */
export async function readIdx(file: string, rank: number): Promise<IdxArray> {
  let bytes: Uint8Array = await readFile(file);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      bytes = await promisify(gunzip)(bytes);
    } catch (error) {
      throw new FormatError(`idx: damaged gzip file: ${file}, ${(error as Error).message}`);
    }
  }
  return parseIdx(bytes, rank, file);
}

/** Takes the bytes of an IDX file apart. @throws FormatError */
export function parseIdx(bytes: Uint8Array, rank: number, file: string): IdxArray {
  const header = 4 + 4 * rank;
  if (bytes.length < 4) throw truncated(file, bytes.length, header);
  const magic = [...bytes.subarray(0, 4)];
  if (magic[0] !== 0 || magic[1] !== 0 || magic[2] !== UNSIGNED_BYTE || magic[3] !== rank) {
    const expected = [0, 0, UNSIGNED_BYTE, rank];
    throw new FormatError(
      `idx: wrong magic number: ${file} starts with ${hex(magic)}, expected ${hex(expected)} at byte 0`,
    );
  }
  if (bytes.length < header) throw truncated(file, bytes.length, header);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes.length < header + size) throw truncated(file, bytes.length, header + size);
  if (bytes.length > header + size) {
    throw new FormatError(
      `idx: bytes left over: ${file} has ${bytes.length} bytes, its header [${shape.join(",")}] says ${header + size}`,
    );
  }
  return { shape, data: bytes.subarray(header) };
}

function truncated(file: string, found: number, expected: number): FormatError {
  return new FormatError(`idx: truncated file: ${file} ends at byte ${found}, expected ${expected} bytes`);
}

function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
