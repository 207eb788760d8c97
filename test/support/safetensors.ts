import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A folder for the files of one test file, which goes with it. */
export function workFolder(): {
  folder: string;
  at: (name: string) => string;
  write: (name: string, bytes: string | Uint8Array) => string;
} {
  const folder = mkdtempSync(join(tmpdir(), "nabla-safetensors-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  return {
    folder,
    at,
    write(name, bytes) {
      writeFileSync(at(name), bytes);
      return at(name);
    },
  };
}

/** A file as the format's description has it: length, header, data. */
export function file(header: string | Uint8Array, data: ArrayLike<number> = [], length?: bigint): Buffer {
  const json = Buffer.from(header as string);
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(length ?? BigInt(json.length));
  return Buffer.concat([first, json, Buffer.from(Array.from(data))]);
}

/** A tensor as headers describe it. */
export const entry = (dtype: string, shape: number[], begin: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

export const headerOf = (entries: Record<string, unknown>): string => JSON.stringify(entries);

export const bytesOf = (...arrays: (NodeJS.TypedArray | number[])[]): Buffer =>
  Buffer.concat(
    arrays.map((a) => (Array.isArray(a) ? Buffer.from(a) : Buffer.from(a.buffer, a.byteOffset, a.byteLength))),
  );

/** What a promise is rejected with. */
export function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error("nothing was thrown"),
    (error: unknown) => error as Error,
  );
}
