import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, FormatError, tensor, zeros, type Tensor } from "nabla";
import { replaceFiles } from "../../src/ts/io/file.js";
import { currentStream } from "../../src/ts/device.js";
import { readWeights, weightFiles } from "../../src/ts/io/weight-shards.js";
import { parseManifest } from "../../src/ts/io/weights-manifest.js";
import { tf } from "../support/tfjs.js";

const OP = "loadLayersModel";
let root: string;
let folder: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "nabla-shards-"));
  folder = join(root, "model");
  mkdirSync(folder);
});
afterAll(() => rmSync(root, { recursive: true }));

const at = (name: string): string => join(folder, name);
const load = (manifest: unknown): Promise<Map<string, Tensor>> =>
  readWeights(OP, parseManifest(OP, manifest, at("model.json")), at("model.json"), currentStream());

/** Bytes that are no pattern: (37 i + 11) mod 256. */
const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (37 * i + 11) % 256);

describe("weights in files", () => {
  const specs: tf.io.WeightsManifestEntry[] = [
    { name: "u8", shape: [2, 3], dtype: "float32", quantization: { dtype: "uint8", min: -1.25, scale: 0.0123 } },
    { name: "u16", shape: [5], dtype: "float32", quantization: { dtype: "uint16", min: 0.5, scale: 1e-4 } },
    { name: "int", shape: [4], dtype: "int32", quantization: { dtype: "uint8", min: -3.5, scale: 1.3 } },
    { name: "f16", shape: [3, 1], dtype: "float32", quantization: { dtype: "float16" } },
    { name: "f32", shape: [2], dtype: "float32" },
    { name: "scalar", shape: [], dtype: "int32" },
  ];
  const data = bytes(6 + 10 + 4 + 6 + 8 + 4);

  it("are what tfjs decodes, wherever the files are cut", async () => {
    // Finite halves and floats: the last bytes of each are small.
    for (const [i, byte] of [21, 23, 25, 29, 33].entries()) data[byte] = 0x30 + i;
    const expected = tf.io.decodeWeights(data.buffer as ArrayBuffer, specs);
    for (const cut of [0, 1, 7, 23, data.length]) {
      writeFileSync(at("1.bin"), data.subarray(0, cut));
      writeFileSync(at("2.bin"), data.subarray(cut));
      const weights = await load([{ paths: ["1.bin", "2.bin"], weights: specs }]);
      expect([...weights.keys()]).toEqual(specs.map(({ name }) => name));
      for (const { name, shape, dtype } of specs) {
        const weight = weights.get(name)!;
        expect([weight.shape, weight.dtype]).toEqual([shape, dtype]);
        expect([name, ...(await weight.data())]).toEqual([name, ...expected[name]!.dataSync()]);
      }
    }
  });

  it("may be bools, bytes and halves, in several groups, beside those of an optimizer", async () => {
    writeFileSync(at("a.bin"), Uint8Array.of(0, 1, 2, 9, 9, 9, 9, 0xff));
    writeFileSync(at("b.bin"), Uint8Array.of(0, 0x3c));
    const weights = await load([
      {
        paths: ["a.bin"],
        weights: [
          { name: "flags", shape: [3], dtype: "bool" },
          { name: "iterations", shape: [1], dtype: "int32", group: "optimizer" },
          { name: "byte", shape: [1], dtype: "uint8" },
        ],
      },
      { paths: ["b.bin"], weights: [{ name: "half", shape: [1], dtype: "float16" }] },
    ]);
    const values = [...weights].map(([name, weight]) => [name, weight.dtype, weight.toArraySync()]);
    expect(values).toEqual([
      ["flags", "bool", [false, true, true]],
      ["byte", "uint8", [255]],
      ["half", "float16", [1]],
    ]);
  });

  it.each<[string, number, number, string]>([
    ["end too soon", 7, 3, 'truncated file: the files of GROUP have 10 bytes, weight "b" ends at byte 12'],
    ["go on", 12, 1, "bytes left over: the files of GROUP have 13 bytes, its weights take 12"],
  ])("are refused where the files %s", async (_, first, second, message) => {
    writeFileSync(at("1.bin"), bytes(first));
    writeFileSync(at("2.bin"), bytes(second));
    const weights = ["a", "b", "c"].map((name) => ({ name, shape: [name === "b" ? 2 : 1, 1], dtype: "float32" }));
    weights.pop();
    const failure = await load([{ paths: ["1.bin", "2.bin"], weights }]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FormatError);
    expect((failure as Error).message).toBe(
      `loadLayersModel: ${message.replace("GROUP", `group 0 of the weightsManifest in ${at("model.json")}`)}`,
    );
  });

  it("are not allocated before the files are found to have them", async () => {
    writeFileSync(at("1.bin"), bytes(8));
    const claims = [{ name: "a", shape: [2 ** 40], dtype: "float32" }];
    await expect(load([{ paths: ["1.bin"], weights: claims }])).rejects.toThrow(
      "truncated file: the files of group 0 of the weightsManifest in",
    );
  });

  it("have at most eight dimensions", async () => {
    writeFileSync(at("1.bin"), bytes(4));
    const deep = [{ name: "a", shape: [1, 1, 1, 1, 1, 1, 1, 1, 1], dtype: "float32" }];
    await expect(load([{ paths: ["1.bin"], weights: deep }])).rejects.toThrow(
      'too many elements or dimensions: [1,1,1,1,1,1,1,1,1] of weight "a" in',
    );
  });

  it.each([
    "../secret.bin",
    "x/../../secret.bin",
    "..\\secret.bin",
    "/etc/passwd",
    "C:secret.bin",
    "link.bin",
    "up/secret.bin",
  ])("are read from the folder alone: %s", async (path) => {
    writeFileSync(join(root, "secret.bin"), bytes(4));
    rmSync(at("link.bin"), { force: true });
    rmSync(at("up"), { force: true });
    symlinkSync(join(root, "secret.bin"), at("link.bin"));
    symlinkSync(root, at("up"));
    const weights = [{ name: "a", shape: [1], dtype: "float32" }];
    const load1 = async (): Promise<unknown> => load([{ paths: [path], weights }]);
    const failure = await load1().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FormatError);
    expect((failure as Error).message).toBe(
      `loadLayersModel: file outside the folder: ${JSON.stringify(path)} in group 0 of the weightsManifest in ${at("model.json")}, expected one in that file's folder`,
    );
  });

  it("need their files", async () => {
    const failure = await load([{ paths: ["missing.bin"], weights: [] }]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ArgumentError);
    expect((failure as Error).message).toBe(`loadLayersModel: file not found: ${at("missing.bin")}`);
  });
});

describe("weights that are written", () => {
  it("fill files of 4 MiB, which tfjs decodes", async () => {
    const target = join(root, "written");
    mkdirSync(target);
    const wide = tensor(Float32Array.from({ length: 1_500_000 }, (_, i) => Math.sin(i)));
    const weights = new Map<string, Tensor>([
      ["a/kernel", wide.reshape([3, 500_000]).transpose()],
      ["a/count", tensor([7, -8], { dtype: "int32" })],
      ["a/none", zeros([0, 3])],
      ["b/bias", tensor([0.5, -0.25])],
    ]);
    const { manifest, files } = weightFiles(weights, target);
    await replaceFiles("saveLayersModel", files);
    expect(readdirSync(target).sort()).toEqual(["group1-shard1of2.bin", "group1-shard2of2.bin"]);
    const [group] = manifest as tf.io.WeightsManifestConfig;
    const sizes = group!.paths.map((path) => statSync(join(target, path)).size);
    expect(sizes).toEqual([4_194_304, 6_000_016 - 4_194_304]);
    const all = Buffer.concat(group!.paths.map((path) => readFileSync(join(target, path))));
    const decoded = tf.io.decodeWeights(new Uint8Array(all).buffer, group!.weights);
    expect(Object.keys(decoded)).toEqual([...weights.keys()]);
    for (const [name, weight] of weights) {
      const { shape, dtype } = decoded[name]!;
      expect([shape, dtype]).toEqual([weight.shape, weight.dtype]);
      const same = Buffer.compare(
        Buffer.from((await weight.data()).buffer),
        Buffer.from(decoded[name]!.dataSync().slice().buffer),
      );
      expect([name, same]).toEqual([name, 0]);
    }
  });

  it("leave what was there when a file cannot be written", async () => {
    const target = join(root, "kept");
    mkdirSync(target);
    writeFileSync(join(target, "one"), "old");
    const write = async (handle: Awaited<ReturnType<typeof open>>): Promise<void> => void (await handle.write("new"));
    const fails = (): Promise<void> => Promise.reject(new Error("the disk is full"));
    const files = [
      { path: join(target, "one"), write },
      { path: join(target, "two"), write: fails },
    ];
    await expect(replaceFiles("saveLayersModel", files)).rejects.toThrow("the disk is full");
    expect(readdirSync(target)).toEqual(["one"]);
    expect(readFileSync(join(target, "one"), "utf8")).toBe("old");
  });
});
