import { extname } from "node:path";
import { checkOptions, wrong } from "../checks.js";
import { ArgumentError, DTypeError, ShapeError } from "../errors.js";
import { checkPath, replaceFile, writeFully } from "../io/file.js";
import { tidy } from "../memory.js";
import { checkTensor } from "../op.js";
import { checkChoice } from "../ops/arguments.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { firstLine, loadSharp } from "./sharp.js";

const FORMATS = ["png", "jpeg"] as const;

/** The kinds of files that are written. */
export type ImageFormat = (typeof FORMATS)[number];

export interface EncodeOptions {
  /** "png" (the default, without loss) or "jpeg". */
  format?: ImageFormat;
  /** Of JPEG, 1 to 100; 90 by default. */
  quality?: number;
}

/** The numbers of channels that a format can hold. */
const CHANNELS: Record<ImageFormat, readonly number[]> = { png: [1, 3, 4], jpeg: [1, 3] };
const BY_EXTENSION: Readonly<Record<string, ImageFormat>> = { ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg" };
const QUALITY = 90;

/**
 * The bytes of a PNG or JPEG file of an image [height, width, channels], with 1 channel for grey, 3 for red, green and blue,
 * and in a PNG 4 for colours and alpha. The values are those of uint8, from 0 to 255, also in float32 and float64,
 * which are rounded and limited to that (NaN becomes 0). Encoded by the optional package `sharp` in threads of its own.
 *
 * @throws ShapeError for another shape. @throws DTypeError for another dtype. @throws ArgumentError when `sharp` is not
 * installed, or for an option that is out of range.
 */
export async function encode(image: Tensor, options: EncodeOptions = {}): Promise<Uint8Array> {
  checkOptions("images.encode", options, ["format", "quality"]);
  return encodeAs("images.encode", image, options.format ?? "png", options.quality);
}

/**
 * Writes an image [height, width, channels] to a file; see {@link encode}. The format is that of the name's ending, `.png`,
 * `.jpg` or `.jpeg`, unless given. There is the old file or the whole new one, whenever the program ends.
 *
 * @throws ShapeError, DTypeError, ArgumentError as {@link encode} does. @throws ArgumentError for another ending without a
 * format, or a folder that is not there.
 */
export async function save(path: string, image: Tensor, options: EncodeOptions = {}): Promise<void> {
  checkPath("images.save", path);
  checkOptions("images.save", options, ["format", "quality"]);
  const format = options.format ?? BY_EXTENSION[extname(path).toLowerCase()];
  if (format === undefined) {
    throw new ArgumentError(
      `images.save: the format is not known: ${path}, expected a name that ends in .png, .jpg or .jpeg, or the option format`,
    );
  }
  const bytes = await encodeAs("images.save", image, format, options.quality);
  await replaceFile("images.save", path, (handle) => writeFully(handle, bytes));
}

async function encodeAs(
  op: string,
  image: Tensor,
  format: ImageFormat,
  quality: number | undefined,
): Promise<Uint8Array> {
  checkChoice(op, "format", format, FORMATS);
  if (quality !== undefined && !(format === "jpeg" && Number.isInteger(quality) && quality >= 1 && quality <= 100)) {
    throw wrong(op, "quality", quality, format === "jpeg" ? "an integer from 1 to 100" : "none for a PNG");
  }
  const [height, width, channels] = checkImage(op, image, format);
  const pixels = await readPixels(op, image);
  const sharp = await loadSharp(op);
  const raw = sharp(pixels, { raw: { width, height, channels }, limitInputPixels: false });
  const coloured = channels === 1 ? raw.toColourspace("b-w") : raw;
  const written =
    format === "png" ? coloured.png() : coloured.jpeg({ quality: quality ?? QUALITY, chromaSubsampling: "4:4:4" });
  return written.toBuffer().catch((error: unknown) => {
    throw new ArgumentError(
      `${op}: sharp does not write the image: ${firstLine(error)}, its shape is ${formatShape(image.shape)}`,
    );
  });
}

function checkImage(op: string, image: Tensor, format: ImageFormat): [number, number, 1 | 3 | 4] {
  checkTensor(op, image);
  const { shape } = image;
  if (shape.length === 3 && !shape.includes(0) && CHANNELS[format].includes(shape[2]!)) {
    return shape as [number, number, 1 | 3 | 4];
  }
  throw new ShapeError(
    `${op}: not an image: its shape is ${formatShape(shape)}, ` +
      `expected [height, width, channels] with ${CHANNELS[format].join(" or ")} channels for a ${format.toUpperCase()}`,
  );
}

async function readPixels(op: string, image: Tensor): Promise<Uint8Array> {
  if (image.dtype !== "uint8" && image.dtype !== "float32" && image.dtype !== "float64") {
    throw new DTypeError(`${op}: the dtype is wrong: ${image.dtype}, expected uint8, float32 or float64`);
  }
  // In a tensor of its own, so that the image may be disposed of meanwhile.
  const pixels = tidy(() => (image.dtype === "uint8" ? image : image.round()).cast("uint8"));
  try {
    return await pixels.data();
  } finally {
    pixels.dispose();
  }
}
