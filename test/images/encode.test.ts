import { readFileSync, readdirSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ArgumentError, DTypeError, ShapeError, images, memory, tensor, zeros, type Tensor } from "nabla";
import { failureOf, workFolder } from "../support/safetensors.js";

const { at, folder } = workFolder();

/** uint8 [height, width, channels], different everywhere. */
const image = (height: number, width: number, channels: number): Tensor<"uint8"> =>
  tensor(
    Uint8Array.from({ length: height * width * channels }, (_, i) => (i * 37) % 256),
    { shape: [height, width, channels] },
  ) as Tensor<"uint8">;

describe("images.encode", () => {
  it.each([1, 3, 4] as const)("writes a PNG of %i channels that keeps every value", async (channels) => {
    const x = image(3, 5, channels);
    const bytes = await images.encode(x);
    const { format, width, height, channels: written, depth } = await sharp(bytes).metadata();
    expect({ format, width, height, written, depth }).toEqual({
      format: "png",
      width: 5,
      height: 3,
      written: channels,
      depth: "uchar",
    });
    const raw = await sharp(bytes)
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw()
      .toBuffer();
    expect(Array.from(raw)).toEqual(Array.from(await x.data()));
    expect((await images.decode(bytes, { channels })).toArraySync()).toEqual(x.toArraySync());
  });

  it.each(["float32", "float64"] as const)("rounds and limits %s", async (dtype) => {
    const x = tensor([0.5, 1.5, 254.6, -3, 300, NaN, Infinity, -Infinity, 7.49], { shape: [3, 3, 1], dtype });
    const back = await images.decode(await images.encode(x), { channels: 1 });
    expect(back.flatten().toArraySync()).toEqual([0, 2, 255, 0, 255, 0, 255, 0, 7]);
  });

  it("writes a view's elements in order", async () => {
    const x = image(4, 6, 3).slice([null, [null, null, -2]]);
    expect((await images.decode(await images.encode(x))).toArraySync()).toEqual(x.toArraySync());
  });

  it.each([1, 3] as const)(
    "writes a JPEG of %i channels, nearer to the image with a higher quality",
    async (channels) => {
      // A smooth image, as JPEG is made for.
      const values = Float32Array.from({ length: 16 * 16 * channels }, (_, i) => 128 + 100 * Math.sin(i / 40));
      const x = tensor(values, { shape: [16, 16, channels] });
      const losses: number[] = [];
      for (const quality of [5, 50, 100, undefined]) {
        const bytes = await images.encode(x, quality === undefined ? { format: "jpeg" } : { format: "jpeg", quality });
        expect((await sharp(bytes).metadata()).format).toBe("jpeg");
        const back = await images.decode(bytes, { channels });
        losses.push(await back.sub(x).abs().mean().item());
      }
      expect(losses[1]).toBeLessThan(losses[0]!);
      expect(losses[2]).toBeLessThan(losses[1]!);
      expect(losses[3], "quality 90, the default").toBeLessThan(losses[1]!);
      expect(losses[3]).toBeGreaterThan(losses[2]!);
      // At quality 100 the quantization steps are 1: what is left is the rounding of colours and frequencies.
      expect(losses[2]).toBeLessThan(1);
    },
  );

  it("leaves no tensor, and waits for one that is disposed of meanwhile", async () => {
    const x = image(2, 2, 3).cast("float32");
    const expected = x.toArraySync();
    const before = memory().tensors;
    const writing = images.encode(x);
    x.dispose();
    const back = await images.decode(await writing);
    expect(back.toArraySync()).toEqual(expected);
    expect(memory().tensors).toBe(before);
  });
});

describe("images.save", () => {
  it.each([
    ["a.png", undefined, "png"],
    ["b.jpg", undefined, "jpeg"],
    ["c.JPEG", undefined, "jpeg"],
    ["d.png", "jpeg", "jpeg"],
    ["e", "png", "png"],
  ] as const)("%s with the format %s is a %s", async (name, format, expected) => {
    await images.save(at(name), image(2, 3, 3), format === undefined ? {} : { format });
    expect((await sharp(readFileSync(at(name))).metadata()).format).toBe(expected);
    expect((await images.load(at(name))).shape).toEqual([2, 3, 3]);
  });

  it("replaces a file, and leaves no other behind", async () => {
    await images.save(at("twice.png"), image(2, 2, 1));
    await images.save(at("twice.png"), image(4, 4, 1));
    expect((await images.load(at("twice.png"))).shape).toEqual([4, 4, 3]);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("refused:", () => {
  const x = image(2, 2, 3);
  it.each<[() => Promise<unknown>, new (message: string) => Error, string]>([
    [
      () => images.encode(zeros([2, 2])),
      ShapeError,
      "images.encode: not an image: its shape is [2,2], expected [height, width, channels] with 1 or 3 or 4 channels for a PNG",
    ],
    [
      () => images.encode(image(2, 2, 4), { format: "jpeg" }),
      ShapeError,
      "images.encode: not an image: its shape is [2,2,4], expected [height, width, channels] with 1 or 3 channels for a JPEG",
    ],
    [
      () => images.save(at("x.png"), zeros([0, 2, 3])),
      ShapeError,
      "images.save: not an image: its shape is [0,2,3], expected [height, width, channels] with 1 or 3 or 4 channels for a PNG",
    ],
    [
      () => images.encode(x.cast("int32")),
      DTypeError,
      "images.encode: the dtype is wrong: int32, expected uint8, float32 or float64",
    ],
    [
      () => images.encode(x, { format: "jpg" as "jpeg" }),
      ArgumentError,
      'images.encode: unknown format: "jpg", did you mean "jpeg"?',
    ],
    [
      () => images.encode(x, { format: "jpeg", quality: 101 }),
      ArgumentError,
      "images.encode: quality is wrong: 101, expected an integer from 1 to 100",
    ],
    [
      () => images.encode(x, { quality: 90 }),
      ArgumentError,
      "images.encode: quality is wrong: 90, expected none for a PNG",
    ],
    [
      () => images.encode(zeros([1, 70000, 1]), { format: "jpeg" }),
      ArgumentError,
      "images.encode: sharp does not write the image: Processed image is too large for the JPEG format, its shape is [1,70000,1]",
    ],
    [
      () => images.save("x.gif", x),
      ArgumentError,
      "images.save: the format is not known: x.gif, expected a name that ends in .png, .jpg or .jpeg, or the option format",
    ],
    [
      () => images.save(at("none/x.png"), x),
      ArgumentError,
      `images.save: folder not found: ${at("none")}, expected one to write ${at("none/x.png")} in`,
    ],
    [() => images.save(3 as never, x), ArgumentError, "images.save: path is wrong: 3, expected a file's name"],
    [() => images.save(at("x.png"), 3 as never), ArgumentError, "images.save: not a tensor: 3, expected a Tensor"],
  ])("%#", async (call, kind, message) => {
    const error = await failureOf(call());
    expect(error).toMatchObject({ name: kind.name, message });
  });
});
