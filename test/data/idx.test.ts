import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, FormatError, datasets } from "nabla";
import { parseIdx, readIdx } from "../../src/ts/data/idx.js";

function idx(shape: number[], data: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => header.writeUInt32BE(size, 4 + 4 * axis));
  return Buffer.concat([header, Buffer.from(Array.from(data))]);
}

const pixels = (count: number): number[] => Array.from({ length: count * 784 }, (_, i) => (i * 31) % 256);

describe("parseIdx", () => {
  it("reads shape and bytes", () => {
    expect(parseIdx(idx([2, 1, 3], [1, 2, 3, 4, 5, 255]), 3, "a")).toEqual({
      shape: [2, 1, 3],
      data: Buffer.from([1, 2, 3, 4, 5, 255]),
    });
  });

  it.each([
    [
      "magic number",
      idx([1], [1]),
      3,
      "idx: wrong magic number: digits starts with 00 00 08 01, expected 00 00 08 03 at byte 0",
    ],
    ["element type", Buffer.from([0, 0, 13, 1, 0, 0, 0, 0]), 1, "digits starts with 00 00 0d 01, expected 00 00 08 01"],
    ["text", Buffer.from("<html>"), 1, "digits starts with 3c 68 74 6d"],
    ["nothing", Buffer.alloc(0), 1, "idx: truncated file: digits ends at byte 0, expected 8 bytes"],
    ["header cut off", idx([2, 2, 2], []).subarray(0, 9), 3, "digits ends at byte 9, expected 16 bytes"],
    ["data cut off", idx([2, 3], [1, 2, 3, 4]), 2, "idx: truncated file: digits ends at byte 16, expected 18 bytes"],
    ["more data", idx([2], [1, 2, 3]), 1, "idx: bytes left over: digits has 11 bytes, its header [2] says 10"],
  ])("refuses a wrong %s", (_, bytes, rank, message) => {
    expect(() => parseIdx(bytes, rank, "digits")).toThrow(FormatError);
    expect(() => parseIdx(bytes, rank, "digits")).toThrow(message);
  });
});

describe("a folder of IDX files", () => {
  let folder: string;
  const write = (name: string, bytes: Buffer): void => writeFileSync(join(folder, name), bytes);
  const reset = (): void => {
    rmSync(folder, { recursive: true, force: true });
    folder = mkdtempSync(join(tmpdir(), "nabla-idx-"));
    write("train-images-idx3-ubyte.gz", gzipSync(idx([3, 28, 28], pixels(3))));
    write("train-labels-idx1-ubyte", idx([3], [5, 0, 9]));
    write("t10k-images-idx3-ubyte", idx([2, 28, 28], pixels(2)));
    write("t10k-labels-idx1-ubyte.gz", gzipSync(idx([2], [1, 2])));
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "nabla-idx-"));
    reset();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("gives digits for training and validation, compressed or not", async () => {
    const { train, validation } = await datasets.mnist({ path: folder });
    expect([train.x.shape, validation.x.shape]).toEqual([
      [3, 28, 28, 1],
      [2, 28, 28, 1],
    ]);
    expect([train.x.dtype, train.y.dtype]).toEqual(["float32", "int32"]);
    expect(await train.y.data()).toEqual(Int32Array.of(5, 0, 9));
    expect(await validation.y.data()).toEqual(Int32Array.of(1, 2));
    expect(await train.x.data()).toEqual(Float32Array.from(pixels(3), (byte) => byte / 255));
  });

  it("takes the first of them when asked for some", async () => {
    const { train } = await datasets.mnist({ path: folder, trainCount: 2 });
    expect(await train.y.data()).toEqual(Int32Array.of(5, 0));
    await expect(datasets.mnist({ path: folder, trainCount: 4 })).rejects.toThrow(
      "datasets.mnist: trainCount is wrong: 4, expected at most the 3 digits of",
    );
  });

  it.each<[string, () => void, new (message: string) => Error, string]>([
    ["a missing file", () => rmSync(join(folder, "train-labels-idx1-ubyte")), ArgumentError, "file not found: "],
    ["counts that differ", () => write("train-labels-idx1-ubyte", idx([2], [1, 2])), FormatError, "has 3 images, "],
    [
      "another image size",
      () => write("t10k-images-idx3-ubyte", idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])),
      FormatError,
      "has 2 x 2, expected 28 x 28",
    ],
    [
      "a label out of range",
      () => write("train-labels-idx1-ubyte", idx([3], [1, 10, 2])),
      FormatError,
      "has 10 at place 1, expected 0 to 9",
    ],
    [
      "a damaged gzip file",
      () => write("t10k-labels-idx1-ubyte.gz", Buffer.from([0x1f, 0x8b, 8, 0, 1, 2])),
      FormatError,
      "idx: damaged gzip file: ",
    ],
    [
      "a truncated file",
      () => write("t10k-images-idx3-ubyte", idx([2, 28, 28], pixels(1))),
      FormatError,
      "t10k-images-idx3-ubyte ends at byte 800, expected 1584 bytes",
    ],
  ])("refuses %s", async (_, spoil, type, message) => {
    reset();
    spoil();
    const failure = await datasets.mnist({ path: folder }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(type);
    expect((failure as Error).message).toContain(message);
    reset();
  });

  it("names the file that is not there", async () => {
    await expect(readIdx(join(folder, "nothing"), 1)).rejects.toThrow("nothing");
  });
});
