import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, FormatError, io, tensor } from "nabla";

let root: string;
let index: string;
const at = (name: string): string => join(root, "model", name);
const writeIndex = (value: unknown): void =>
  writeFileSync(index, typeof value === "string" ? value : JSON.stringify(value));

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "nabla-shards-"));
  index = at("model.safetensors.index.json");
  mkdirSync(at("part"), { recursive: true });
  await io.saveSafetensors(at("1.safetensors"), { a: tensor([1]), b: tensor([2]) }, { metadata: { format: "pt" } });
  await io.saveSafetensors(
    at("part/2.safetensors"),
    { c: tensor([3]), spare: tensor([4]) },
    { metadata: { by: "me" } },
  );
  // What must not be read.
  await io.saveSafetensors(join(root, "secret.safetensors"), { s: tensor([5]) });
  symlinkSync(join(root, "secret.safetensors"), at("link.safetensors"));
  symlinkSync(root, at("up"));
  symlinkSync(at("1.safetensors"), at("inside.safetensors"));
});
afterAll(() => rmSync(root, { recursive: true }));

describe("an index of shards", () => {
  it("loads what it lists from all of them", async () => {
    writeIndex({
      metadata: { total_size: 12 },
      weight_map: { c: "part/2.safetensors", a: "1.safetensors", b: "inside.safetensors" },
    });
    const { tensors, metadata } = await io.loadSafetensors(index);
    expect([...tensors.keys()].sort()).toEqual(["a", "b", "c"]);
    expect(await tensors.get("b")!.toArray()).toEqual([2]);
    expect(await tensors.get("c")!.toArray()).toEqual([3]);
    expect({ ...metadata }).toEqual({ format: "pt", by: "me" });
  });

  it("opens only the files that are needed", async () => {
    writeIndex({ weight_map: { a: "1.safetensors", b: "1.safetensors", c: "missing.safetensors" } });
    const { tensors } = await io.loadSafetensors(index, { names: ["b"] });
    expect([...tensors.keys()]).toEqual(["b"]);
    await expect(io.loadSafetensors(index, { names: ["bb"] })).rejects.toThrow(
      `loadSafetensors: no such tensor: "bb" in ${index}, the nearest of its 3 is "b"`,
    );
    const failure = await io.loadSafetensors(index).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ArgumentError);
    expect((failure as Error).message).toBe(`loadSafetensors: file not found: ${at("missing.safetensors")}`);
  });

  it.each([
    "../secret.safetensors",
    "part/../../secret.safetensors",
    "..\\secret.safetensors",
    "/etc/passwd",
    "C:\\secret.safetensors",
    "C:secret.safetensors",
    "\\\\host\\secret.safetensors",
    "link.safetensors",
    "up/secret.safetensors",
    "up",
  ])("reads nothing outside its folder: %s", async (shard) => {
    writeIndex({ weight_map: { s: shard } });
    const failure = await io.loadSafetensors(index).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FormatError);
    expect((failure as Error).message).toBe(
      `loadSafetensors: file outside the folder: ${JSON.stringify(shard)} for "s" in ${index}, expected one in that file's folder`,
    );
  });

  describe("in a cache of the hub", () => {
    const cache = (name: string): string => join(root, "models--owner--name", name);
    const snapshot = (name: string): string => cache(`snapshots/${"0".repeat(40)}/${name}`);
    beforeAll(() => {
      for (const folder of [snapshot("part"), cache("blobs/deep"), cache("other"), join(root, "blobs")])
        mkdirSync(folder, { recursive: true });
      for (const copy of [cache("blobs/b1"), cache("blobs/deep/b2"), cache("other/b3"), join(root, "blobs/b4")])
        copyFileSync(at("1.safetensors"), copy);
      writeFileSync(
        cache("blobs/index"),
        JSON.stringify({ weight_map: { a: "1.safetensors", b: "part/2.safetensors" } }),
      );
      symlinkSync("../../blobs/index", snapshot("model.safetensors.index.json"));
      symlinkSync("../../blobs/b1", snapshot("1.safetensors"));
      symlinkSync("../../../blobs/b1", snapshot("part/2.safetensors"));
    });

    it("follows links to its blobs", async () => {
      const { tensors } = await io.loadSafetensors(snapshot("model.safetensors.index.json"));
      expect(await tensors.get("a")!.toArray()).toEqual([1]);
      expect(await tensors.get("b")!.toArray()).toEqual([2]);
      symlinkSync(snapshot(""), join(root, "linked"));
      const linked = await io.loadSafetensors(join(root, "linked/model.safetensors.index.json"));
      expect([...linked.tensors.keys()].sort()).toEqual(["a", "b"]);
    });

    it.each([
      ["the index's folder is none of its snapshots", () => join(root, "model"), () => cache("blobs/b1")],
      ["the folder lies deeper than a snapshot", () => snapshot("part"), () => cache("blobs/b1")],
      ["they lead to a folder of the blobs", () => snapshot(""), () => cache("blobs/deep/b2")],
      ["they lead to another folder of the model", () => snapshot(""), () => cache("other/b3")],
      ["they lead to another folder of that name", () => snapshot(""), () => join(root, "blobs/b4")],
      ["they lead out of the cache", () => snapshot(""), () => join(root, "secret.safetensors")],
    ])("follows no links where %s", async (_, folder, target) => {
      const bad = join(folder(), "bad.safetensors.index.json");
      const shard = join(folder(), "bad.safetensors");
      writeFileSync(bad, JSON.stringify({ weight_map: { s: "bad.safetensors" } }));
      symlinkSync(target(), shard);
      const failure = await io.loadSafetensors(bad).catch((error: unknown) => error);
      rmSync(shard);
      expect(failure).toBeInstanceOf(FormatError);
      expect((failure as Error).message).toBe(
        `loadSafetensors: file outside the folder: "bad.safetensors" for "s" in ${bad}, expected one in that file's folder`,
      );
    });
  });

  it.each<[string, unknown, string]>([
    ["invalid JSON", "{", "loadSafetensors: invalid JSON: FILE, "],
    ["no object", "[]", 'loadSafetensors: not an index: FILE, expected { "weight_map": { tensor: file } }'],
    ["no weight_map", { metadata: {} }, "loadSafetensors: not an index: FILE"],
    ["a weight_map of another kind", { weight_map: ["a"] }, "loadSafetensors: not an index: FILE"],
    ["a number for a file", { weight_map: { a: 1 } }, 'not a file\'s name: 1 for "a" in FILE, expected a string'],
    ["no name for a file", { weight_map: { a: "" } }, 'not a file\'s name: "" for "a" in FILE'],
    ["a zero byte", { weight_map: { a: "1\0.safetensors" } }, "not a file's name: "],
    [
      "a name twice",
      '{"weight_map":{"a":"1.safetensors","\\u0061":"1"}}',
      'duplicate name: "a" in FILE at character 35',
    ],
    ["deep JSON", "[".repeat(100), "JSON nested too deeply: FILE at character 16"],
    ["a tensor that is not there", { weight_map: { d: "1.safetensors" } }, 'loadSafetensors: missing tensor: "d" in '],
    ["a shard that is none", { weight_map: { d: "model.safetensors.index.json" } }, "loadSafetensors: "],
  ])("refuses %s", async (_, value, message) => {
    writeIndex(value);
    const failure = await io.loadSafetensors(index).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FormatError);
    expect((failure as Error).message).toContain(message.replace("FILE", index));
  });

  it("names an index that is not there", async () => {
    const missing = at("other.safetensors.index.json");
    await expect(io.loadSafetensors(missing)).rejects.toThrow(`loadSafetensors: file not found: ${missing}`);
  });
});
