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
