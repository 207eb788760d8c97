import { currentDevice, type Device } from "../device.js";
import { to } from "../ops/to.js";
import { checkOptions, checkPositive, wrong } from "../checks.js";
import { FormatError } from "../errors.js";
import { checkPath, readWhole } from "../io/file.js";
import { tidy } from "../memory.js";
import { checkPair } from "../ops/arguments.js";
import { tensor } from "../ops/creation.js";
import { fromBuffer } from "../ops/fromBuffer.js";
import type { Tensor } from "../tensor.js";
import { resize } from "./resize.js";
import { firstLine, loadSharp } from "./sharp.js";

export interface DecodeOptions {
  /** 3 for red, green and blue (the default), 1 for grey, 4 for colours and alpha. */
  channels?: 1 | 3 | 4;
  /** The size to bring the image to, [height, width], as {@link resize} does, rounded. Its own by default. */
  size?: readonly [height: number, width: number];
  /** How many pixels the file may have, 2^27 by default: a small file can claim to hold more than fits in memory. */
  maxPixels?: number;
}

const CHANNELS: readonly unknown[] = [1, 3, 4];
const MAX_PIXELS = 2 ** 27;
const MAX_FILE_BYTES = 2 ** 30;

/** How files begin, as Latin-1. Nothing else gets to sharp, which has decoders of many more formats. */
const JPEG = "\xff\xd8\xff";
const PNG = "\x89PNG\r\n\x1a\n";
const WEBP = /^RIFF[^]{4}WEBP/;
const SIGNATURE_BYTES = 12;

/**
 * The image in a JPEG, PNG or WebP file, given as its bytes or its name: uint8 [height, width, channels]. Decoded by the
 * optional package `sharp` in threads of its own; the bytes must not be changed before this resolves.
 *
 * The image is turned upright as its EXIF orientation says. Colour profiles are ignored, and CMYK becomes RGB. Of 16 bits
 * the upper 8 are taken; palettes become their colours. Of an animation it is the first frame. Grey becomes red, green and
 * blue of the same value; colours become grey as 0.299 R + 0.587 G + 0.114 B, rounded (ITU-R BT.601, as in PIL). Alpha
 * is left out where it is not asked for, whatever colours it hides, and is 255 where the file has none.
 *
 * @throws FormatError for a file that is damaged, cut off, of another format, or has more than `maxPixels`; it names the file.
 * @throws ArgumentError when `sharp` is not installed, for a file that is not there, or an option that is out of range.
 */
export async function decode(source: Uint8Array | string, options: DecodeOptions = {}): Promise<Tensor<"uint8">> {
  if (typeof source === "string") return load(source, options);
  checkDecodeOptions("images.decode", options);
  if (!(source instanceof Uint8Array)) {
    throw wrong("images.decode", "the source", source, "a Uint8Array or a file's name");
  }
  return decodeBytes("images.decode", source, "the source", options, currentDevice());
}

/**
 * The image of a file; see {@link decode}.
 *
 * @throws FormatError, ArgumentError as {@link decode} does.
 */
export async function load(path: string, options: DecodeOptions = {}): Promise<Tensor<"uint8">> {
  checkDecodeOptions("images.load", options);
  checkPath("images.load", path);
  const device = currentDevice();
  const bytes = await readWhole("images.load", path, "file", MAX_FILE_BYTES);
  return decodeBytes("images.load", bytes, path, options, device);
}

function checkDecodeOptions(op: string, options: DecodeOptions): void {
  checkOptions(op, options, ["channels", "size", "maxPixels"]);
  const { channels = 3, size, maxPixels = MAX_PIXELS } = options;
  if (!CHANNELS.includes(channels)) throw wrong(op, "channels", channels, "1, 3 or 4");
  if (size !== undefined && !(Array.isArray(size) && checkPair(op, "size", size))) {
    throw wrong(op, "size", size, "two positive integers: [height, width]");
  }
  checkPositive(op, "maxPixels", maxPixels);
}

/** `file` is the name for messages. */
async function decodeBytes(
  op: string,
  bytes: Uint8Array,
  file: string,
  { channels = 3, size, maxPixels = MAX_PIXELS }: DecodeOptions,
  device: Device,
): Promise<Tensor<"uint8">> {
  const beginning = Buffer.from(bytes.subarray(0, SIGNATURE_BYTES)).toString("latin1");
  if (!beginning.startsWith(JPEG) && !beginning.startsWith(PNG) && !WEBP.test(beginning)) {
    throw new FormatError(`${op}: not an image: ${file}, expected a JPEG, PNG or WebP file`);
  }
  const sharp = await loadSharp(op);
  const damaged = (error: unknown): never => {
    throw new FormatError(`${op}: damaged image: ${file}, ${firstLine(error)}`);
  };
  // The header alone: nothing is decoded before the size is known.
  const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata().catch(damaged);
  if (width * height > maxPixels) {
    throw new FormatError(
      `${op}: too many pixels: ${file} has ${height} x ${width}, expected at most ${maxPixels} (see maxPixels)`,
    );
  }
  const upright = sharp(bytes, { limitInputPixels: maxPixels, failOn: "warning", ignoreIcc: true })
    .autoOrient()
    .toColourspace("srgb");
  const { data, info } = await (channels === 4 ? upright.ensureAlpha() : upright.removeAlpha())
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch(damaged);
  return tidy(() => {
    const shape = [info.height, info.width, info.channels];
    const onto = (target: Device): Tensor<"uint8"> => fromBuffer(data, { dtype: "uint8", shape, device: target });
    const image = channels === 1 ? to(luma(onto("cpu")), device) : onto(device);
    return size === undefined ? image : resize(image, size).round().cast("uint8");
  });
}

/**
 * Grey of [height, width, 3] on the CPU, in 16-bit fixed point. Products and sums are whole and below 2^24: exact in
 * float32, but not in the TF32 that `NABLA_TF32` allows on a GPU.
 */
function luma(colours: Tensor<"uint8">): Tensor<"uint8"> {
  const weights = tensor(
    [0.299, 0.587, 0.114].map((weight) => [Math.round(weight * 2 ** 16)]),
    { device: "cpu" },
  );
  return colours
    .cast("float32")
    .matmul(weights)
    .add(2 ** 15)
    .div(2 ** 16)
    .cast("uint8") as Tensor<"uint8">;
}
