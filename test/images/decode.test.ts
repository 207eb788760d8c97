import { readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ArgumentError, FormatError, images, memory } from "nabla";
import { loadSharp } from "../../src/ts/images/sharp.js";
import { failureOf, workFolder } from "../support/safetensors.js";

/** A file, and the pixels that Pillow reads from it, in base64. */
interface Case {
  name: string;
  file: string;
  height: number;
  width: number;
  L: string;
  RGBA: string;
}
const { cases } = JSON.parse(readFileSync(new URL("../fixtures/pil_images.json", import.meta.url), "utf8")) as {
  cases: Case[];
};
const { at, write } = workFolder();

/** A PNG of the raw pixels. */
const png = (data: Uint8Array | Uint16Array, width: number, height: number, channels: 1 | 3 | 4): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels } })
    .toColourspace(
      data instanceof Uint16Array ? (channels === 1 ? "grey16" : "rgb16") : channels === 1 ? "b-w" : "srgb",
    )
    .png()
    .toBuffer();

const noise = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 7919) % 251);
const noisy = (format: "png" | "jpeg" | "webp"): Promise<Buffer> =>
  sharp(noise, { raw: { width: 32, height: 32, channels: 3 } })
    .toFormat(format)
    .toBuffer();

describe("images.decode", () => {
  it.each(cases)("reads a $name as Pillow does", async ({ file, height, width, L, RGBA }) => {
    const bytes = Buffer.from(file, "base64");
    const expected = { 1: L, 4: RGBA };
    for (const channels of [1, 4] as const) {
      const image = await images.decode(bytes, { channels });
      expect([image.dtype, image.shape]).toEqual(["uint8", [height, width, channels]]);
      expect(Array.from(await image.data())).toEqual([...Buffer.from(expected[channels], "base64")]);
    }
    const colours = await images.decode(bytes);
    expect(colours.shape).toEqual([height, width, 3]);
    // Alpha is dropped, as Pillow drops it.
    expect(Array.from(await colours.data())).toEqual([...Buffer.from(RGBA, "base64")].filter((_, i) => i % 4 < 3));
  });

  it("reads grey as colours that are alike", async () => {
    for (const format of ["png", "jpeg"] as const) {
      // Flat, so that JPEG keeps it.
      const raw = { width: 8, height: 8, channels: 1 } as const;
      const stored = sharp(new Uint8Array(64).fill(77), { raw }).toColourspace("b-w").toFormat(format);
      const image = await images.decode(await stored.toBuffer(), { channels: 4 });
      expect(image.shape).toEqual([8, 8, 4]);
      expect(Array.from(await image.data())).toEqual(Array.from({ length: 256 }, (_, i) => (i % 4 < 3 ? 77 : 255)));
    }
  });

  it("gives red, green and blue unless told otherwise", async () => {
    const image = await images.decode(await png(Uint8Array.of(1, 2, 3, 4, 5, 6), 2, 1, 3));
    expect(image.toArraySync()).toEqual([
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ]);
  });

  it.each([
    [1, "123 456"],
    [2, "321 654"],
    [3, "654 321"],
    [4, "456 123"],
    [5, "14 25 36"],
    [6, "41 52 63"],
    [7, "63 52 41"],
    [8, "36 25 14"],
  ])("turns an image of the EXIF orientation %i upright", async (orientation, expected) => {
    const raw = { width: 3, height: 2, channels: 1 } as const;
    const stored = sharp(Uint8Array.of(1, 2, 3, 4, 5, 6), { raw }).toColourspace("b-w");
    const image = await images.decode(await stored.withMetadata({ orientation }).png().toBuffer(), { channels: 1 });
    const rows = image.squeeze(-1).toArraySync() as number[][];
    expect(rows.map((row) => row.join("")).join(" ")).toBe(expected);
  });

  it("takes the upper half of 16 bits", async () => {
    const colours = await png(Uint16Array.of(256, 513, 65535, 32768, 255, 254), 2, 1, 3);
    expect((await sharp(colours).metadata()).depth).toBe("ushort");
    expect((await images.decode(colours)).flatten().toArraySync()).toEqual([1, 2, 255, 128, 0, 0]);
    const grey = await png(Uint16Array.of(256, 65535), 2, 1, 1);
    expect((await sharp(grey).metadata()).space).toBe("grey16");
    expect((await images.decode(grey, { channels: 1 })).flatten().toArraySync()).toEqual([1, 255]);
  });

  it("ignores a colour profile", async () => {
    const raw = { width: 2, height: 1, channels: 3 } as const;
    const bytes = await sharp(Uint8Array.of(200, 10, 10, 0, 90, 255), { raw })
      .withIccProfile("p3")
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).hasProfile).toBe(true);
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect(Array.from(stored)).not.toEqual([200, 10, 10, 0, 90, 255]);
    expect(Array.from(await (await images.decode(bytes)).data())).toEqual(Array.from(stored));
  });

  it("brings the image to a size, rounded", async () => {
    const image = await images.decode(await png(Uint8Array.of(10, 21, 30, 43), 2, 2, 1), { channels: 1, size: [1, 4] });
    // Rows 10 21 and 30 43 have the mean 20 32; between them 3 : 1 and 1 : 3.
    expect([image.dtype, image.shape]).toEqual(["uint8", [1, 4, 1]]);
    expect(image.flatten().toArraySync()).toEqual([20, 23, 29, 32]);
  });

  it("reads files, and a part of a larger buffer", async () => {
    const bytes = await png(Uint8Array.of(7, 8, 9), 1, 1, 3);
    const path = write("one.png", bytes);
    expect((await images.load(path)).flatten().toArraySync()).toEqual([7, 8, 9]);
    expect((await images.decode(path, { channels: 1 })).shape).toEqual([1, 1, 1]);
    const larger = Buffer.concat([Buffer.alloc(5), bytes, Buffer.alloc(3)]);
    expect((await images.decode(larger.subarray(5, 5 + bytes.length))).flatten().toArraySync()).toEqual([7, 8, 9]);
  });

  it("leaves one tensor", async () => {
    const bytes = await png(Uint8Array.of(7, 8, 9), 1, 1, 3);
    const before = memory().tensors;
    using image = await images.decode(bytes, { channels: 1, size: [4, 4] });
    expect(image.size).toBe(16);
    expect(memory().tensors).toBe(before + 1);
  });

  it("does not block the event loop", async () => {
    const bytes = await png(new Uint8Array(2000 * 2000 * 3), 2000, 2000, 3);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await images.decode(bytes);
    clearInterval(timer);
    expect(turns, "timers that ran meanwhile").toBeGreaterThan(0);
  });
});

describe("a file that is no proper image is a FormatError that names it", () => {
  it.each<[string, string | Uint8Array]>([
    ["empty", ""],
    ["text", "Call me Ishmael."],
    ["of another format", "GIF89a\x01\x00\x01\x00\x00\x00\x00;"],
    ["svg", '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="2"/>'],
    ["another RIFF", "RIFF\x00\x00\x00\x00WAVEfmt "],
    ["a JPEG's first bytes but two", Uint8Array.of(0xff, 0xd8)],
  ])("%s", async (name, bytes) => {
    const path = write(`${name}.png`, bytes);
    const error = await failureOf(images.load(path));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe(`images.load: not an image: ${path}, expected a JPEG, PNG or WebP file`);
  });

  it.each(["png", "jpeg", "webp"] as const)("a %s that is cut off anywhere", async (format) => {
    const bytes = await noisy(format);
    // A PNG's last 12 bytes are an empty chunk that ends it.
    const end = format === "png" ? bytes.length - 13 : bytes.length - 1;
    const path = at(`cut.${format}`);
    for (const length of [12, 20, 60, Math.floor(end / 2), end - 20, end]) {
      write(`cut.${format}`, bytes.subarray(0, length));
      const error = await failureOf(images.load(path));
      expect(error, `${length} of ${bytes.length} bytes`).toBeInstanceOf(FormatError);
      expect(error.message).toMatch(/^images\.load: damaged image: .*, \S/);
      expect(error.message).toContain(path);
      expect(error.message).not.toContain("\n");
    }
  });

  it("a PNG with a wrong byte", async () => {
    const bytes = await noisy("png");
    bytes[bytes.length >> 1]! ^= 0xff;
    const error = await failureOf(images.decode(bytes));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/^images\.decode: damaged image: the source, /);
  });

  it("a JPEG that ends in the middle", async () => {
    const bytes = await noisy("jpeg");
    bytes.set([0xff, 0xd9], bytes.length >> 1);
    const error = await failureOf(images.decode(bytes));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/^images\.decode: damaged image: the source, /);
  });

  it("one with too many pixels, before it is decoded", async () => {
    const bytes = await png(new Uint8Array(300), 10, 10, 3);
    const error = await failureOf(images.decode(bytes, { maxPixels: 99 }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe(
      "images.decode: too many pixels: the source has 10 x 10, expected at most 99 (see maxPixels)",
    );
    expect((await images.decode(bytes, { maxPixels: 100 })).shape).toEqual([10, 10, 3]);
  });

  it("a small file that claims to be huge", async () => {
    const bytes = await noisy("jpeg");
    // The frame's header: its marker and length, 8 bits, height and width.
    const frame = bytes.indexOf(Uint8Array.of(0xff, 0xc0, 0, 17, 8, 0, 32, 0, 32));
    expect(frame).toBeGreaterThan(0);
    bytes.writeUInt16BE(30000, frame + 5);
    bytes.writeUInt16BE(20000, frame + 7);
    const error = await failureOf(images.decode(bytes));
    expect(error.message).toBe(
      "images.decode: too many pixels: the source has 30000 x 20000, expected at most 134217728 (see maxPixels)",
    );
  });
});

describe("images.decode refuses", () => {
  const bytes = Buffer.from(cases[0]!.file, "base64");
  it.each<[() => Promise<unknown>, string]>([
    [() => images.decode(5 as never), "images.decode: the source is wrong: 5, expected a Uint8Array or a file's name"],
    [
      () => images.decode([1] as never),
      "images.decode: the source is wrong: [1], expected a Uint8Array or a file's name",
    ],
    [() => images.load(bytes as never), "images.load: path is wrong: Buffer, expected a file's name"],
    [() => images.load(""), 'images.load: path is wrong: "", expected a file\'s name'],
    [() => images.load(at("none.png")), `images.load: file not found: ${at("none.png")}`],
    [() => images.decode(bytes, { channels: 2 as 1 }), "images.decode: channels is wrong: 2, expected 1, 3 or 4"],
    [
      () => images.decode(bytes, { size: 5 as never }),
      "images.decode: size is wrong: 5, expected two positive integers: [height, width]",
    ],
    [
      () => images.load("x.png", { size: [5, 0] }),
      "images.load: size is out of range: [5,0], expected a positive integer or two: [height, width]",
    ],
    [() => images.decode(bytes, { maxPixels: 0 }), "images.decode: maxPixels is wrong: 0, expected a positive integer"],
    [
      () => images.decode(bytes, { chanels: 3 } as never),
      'images.decode: unknown option: "chanels", did you mean "channels"?',
    ],
  ])("%#", async (call, message) => {
    const error = await failureOf(call());
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toBe(message);
  });
});

it("says what to install when sharp is missing", async () => {
  const missing = new Error("Cannot find package 'sharp' imported from nabla\nmore");
  const error = await failureOf(loadSharp("images.decode", () => Promise.reject(missing)));
  expect(error).toBeInstanceOf(ArgumentError);
  expect(error.message).toBe(
    "images.decode: the package sharp does not load: Cannot find package 'sharp' imported from nabla, " +
      "expected it installed: run `npm install sharp`",
  );
});
