import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ArgumentError, FormatError, IndexError, Tensor, fromBuffer, gather, io, memory, tensor, zeros } from "nabla";
import type { DType } from "nabla";
import { bytesOf, entry, failureOf, file, headerOf, workFolder } from "../support/safetensors.js";

const { folder, at, write } = workFolder();

describe("loadSafetensors", () => {
  it("reads bytes that were put together by hand", async () => {
    const header =
      '{"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"__metadata__":{"format":"pt"},' +
      '"a\\u0062":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]}}   ';
    const data = [0, 0, 128, 63, 0, 0, 0, 192, 1, 0, 2];
    const { tensors, metadata } = await io.loadSafetensors(write("hand.safetensors", file(header, data)));
    expect([...tensors.keys()]).toEqual(["w", "ab"]);
    expect({ ...metadata }).toEqual({ format: "pt" });
    expect(await tensors.get("w")!.toArray()).toEqual([[1], [-2]]);
    expect(await tensors.get("ab")!.toArray()).toEqual([true, false, true]);
  });

  it("reads a file without tensors", async () => {
    expect((await io.loadSafetensors(write("none.safetensors", file("{}")))).tensors.size).toBe(0);
  });

  it.each<[string, DType, Buffer, number[]]>([
    ["F64", "float64", bytesOf(Float64Array.of(0.1, -0)), [0.1, -0]],
    ["F32", "float32", bytesOf(Float32Array.of(0.5, -0)), [0.5, -0]],
    ["F16", "float16", bytesOf(Uint16Array.of(0x3c00, 0xc000)), [1, -2]],
    ["BF16", "bfloat16", bytesOf(Uint16Array.of(0x3f80, 0xc000)), [1, -2]],
    ["I64", "int32", bytesOf(BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n)), [-(2 ** 31), 2 ** 31 - 1]],
    ["I32", "int32", bytesOf(Int32Array.of(-7, 9)), [-7, 9]],
    ["I16", "int32", bytesOf(Int16Array.of(-32768, 32767)), [-32768, 32767]],
    ["I8", "int32", bytesOf(Int8Array.of(-128, 127)), [-128, 127]],
    ["U64", "int32", bytesOf(BigUint64Array.of(0n, 2n ** 31n - 1n)), [0, 2 ** 31 - 1]],
    ["U32", "int32", bytesOf(Uint32Array.of(0, 2 ** 31 - 1)), [0, 2 ** 31 - 1]],
    ["U16", "int32", bytesOf(Uint16Array.of(0, 65535)), [0, 65535]],
    ["U8", "uint8", bytesOf([0, 255]), [0, 255]],
    ["BOOL", "bool", bytesOf([0, 255]), [0, 1]],
  ])("reads %s as %s", async (dtype, expected, data, values) => {
    // Behind one byte: elements need not be aligned in a file.
    const header = headerOf({ a: entry("U8", [1], 0, 1), x: entry(dtype, [2], 1, 1 + data.length) });
    const { tensors } = await io.loadSafetensors(write("dtype.safetensors", file(header, [9, ...data])));
    const x = tensors.get("x")!;
    expect([x.dtype, x.shape]).toEqual([expected, [2]]);
    expect(Array.from(await x.data())).toEqual(values);
  });

  it.each<[string, Buffer, string]>([
    ["I64", bytesOf(BigInt64Array.of(1n, 2n ** 31n)), "2147483648 at place 1"],
    ["I64", bytesOf(BigInt64Array.of(-(2n ** 31n) - 1n, 0n)), "-2147483649 at place 0"],
    ["I64", bytesOf(BigInt64Array.of(0n, 2n ** 32n)), "4294967296 at place 1"],
    ["U64", bytesOf(BigUint64Array.of(1n, 2n ** 64n - 1n)), "18446744073709551615 at place 1"],
    ["U64", bytesOf(BigUint64Array.of(2n ** 31n, 0n)), "2147483648 at place 0"],
    ["U32", bytesOf(Uint32Array.of(1, 2 ** 32 - 1)), "4294967295 at place 1"],
  ])("refuses a value of %s that int32 cannot hold", async (dtype, data, found) => {
    const path = write("large.safetensors", file(headerOf({ x: entry(dtype, [2], 0, data.length) }), data));
    const failure = await failureOf(io.loadSafetensors(path));
    expect(failure).toBeInstanceOf(FormatError);
    expect(failure.message).toBe(
      `loadSafetensors: int32 cannot hold a value: ${found} of tensor "x" in ${path}, expected -2147483648 to 2147483647`,
    );
  });

  it("converts tensors that are read in several pieces", async () => {
    const count = 2 ** 20 + 3;
    const data = BigInt64Array.from({ length: count }, (_, i) => BigInt(i - 5));
    const header = headerOf({ x: entry("I64", [count], 0, 8 * count) });
    const json = Buffer.from(header);
    const path = write("pieces.safetensors", Buffer.concat([file(json), bytesOf(data)]));
    const x = (await io.loadSafetensors(path)).tensors.get("x")!;
    const wrongAt = (await x.data()).findIndex((value, i) => value !== i - 5);
    expect([x.shape, wrongAt]).toEqual([[count], -1]);
    data[count - 1] = 2n ** 40n;
    write("pieces.safetensors", Buffer.concat([file(json), bytesOf(data)]));
    await expect(io.loadSafetensors(path)).rejects.toThrow(`${2 ** 40} at place ${count - 1} of tensor "x"`);
  });

  it("keeps names that objects know something else under", async () => {
    const header =
      '{"__proto__":{"dtype":"U8","shape":[],"data_offsets":[0,1]},' +
      '"1":{"dtype":"U8","shape":[],"data_offsets":[2,3]},"toString":{"dtype":"U8","shape":[],"data_offsets":[1,2]},' +
      '"__metadata__":{"__proto__":"text"}}';
    const { tensors, metadata } = await io.loadSafetensors(write("names.safetensors", file(header, [7, 8, 9])));
    expect([...tensors.keys()]).toEqual(["__proto__", "toString", "1"]);
    expect(await tensors.get("__proto__")!.item()).toBe(7);
    expect(Object.entries(metadata)).toEqual([["__proto__", "text"]]);
    expect(({} as Record<string, unknown>)["dtype"]).toBeUndefined();
  });

  it("reads the tensors that are asked for", async () => {
    const header = headerOf({ a: entry("U8", [1], 0, 1), bias: entry("I64", [1], 1, 9), c: entry("U8", [1], 9, 10) });
    const path = write("some.safetensors", file(header, [1, 0, 0, 0, 0, 1, 0, 0, 0, 3]));
    const names = async (wanted: io.LoadSafetensorsOptions["names"]): Promise<string[]> => [
      ...(await io.loadSafetensors(path, { names: wanted })).tensors.keys(),
    ];
    // The one that is left out does not fit into int32.
    expect(await names(["c", "a"])).toEqual(["a", "c"]);
    expect(await names((name) => name === "c")).toEqual(["c"]);
    expect(await names([])).toEqual([]);
    const failure = await failureOf(names(["a", "bais"]));
    expect(failure).toBeInstanceOf(ArgumentError);
    expect(failure.message).toBe(`loadSafetensors: no such tensor: "bais" in ${path}, the nearest of its 3 is "bias"`);
  });

  it("keeps nothing of a file that turns out to be wrong", async () => {
    const header = headerOf({ a: entry("U8", [1000], 0, 1000), b: entry("U32", [1], 1000, 1004) });
    const path = write("half.safetensors", file(header, new Uint8Array(1004).fill(255)));
    const before = memory().tensors;
    await expect(io.loadSafetensors(path)).rejects.toThrow(FormatError);
    expect(memory().tensors).toBe(before);
  });

  it("names a file that is not there, or is none", async () => {
    const missing = await failureOf(io.loadSafetensors(at("missing.safetensors")));
    expect(missing).toBeInstanceOf(ArgumentError);
    expect(missing.message).toBe(`loadSafetensors: file not found: ${at("missing.safetensors")}`);
    await expect(io.loadSafetensors(folder)).rejects.toThrow(`loadSafetensors: not a file: ${folder}`);
  });

  it("refuses arguments of another kind", async () => {
    const load = io.loadSafetensors as (path: unknown, options?: unknown) => Promise<unknown>;
    await expect(load(3)).rejects.toThrow("loadSafetensors: path is wrong: 3, expected a file's name");
    await expect(load("a\0b")).rejects.toThrow(ArgumentError);
    await expect(load("a", { name: [] })).rejects.toThrow('unknown option: "name", did you mean "names"?');
    await expect(load("a", { names: "w" })).rejects.toThrow(
      'loadSafetensors: names is wrong: "w", expected an array of strings, or a function',
    );
  });
});

describe("saveSafetensors", () => {
  const roundTrip = async (tensors: Record<string, Tensor>): Promise<Map<string, Tensor>> => {
    await io.saveSafetensors(at("round.safetensors"), tensors);
    return (await io.loadSafetensors(at("round.safetensors"))).tensors;
  };

  it("writes the bytes that the format asks for", async () => {
    const path = at("saved.safetensors");
    const tensors = new Map<string, Tensor>([
      ["b", tensor([1, 2], { dtype: "uint8" })],
      ["z", tensor([[1], [-2]])],
      ["a", tensor(3)],
    ]);
    await io.saveSafetensors(path, tensors, { metadata: { format: "pt" } });
    const json =
      '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},' +
      '"z":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},"b":{"dtype":"U8","shape":[2],"data_offsets":[12,14]}}';
    const padded = json.padEnd(Math.ceil(json.length / 8) * 8, " ");
    expect(readFileSync(path)).toEqual(file(padded, [0, 0, 64, 64, 0, 0, 128, 63, 0, 0, 0, 192, 1, 2]));
    expect({ ...(await io.loadSafetensors(path)).metadata }).toEqual({ format: "pt" });
  });

  it.each<[DType, Buffer]>([
    ["float32", bytesOf(Uint32Array.of(0x7fc12345, 0x7f812345, 0xffc00001, 0x80000000, 0xff800000, 1))],
    ["float64", bytesOf(BigUint64Array.of(0x7ff0000000000123n, 0xfff8000000000001n, 1n << 63n, 1n))],
    ["float16", bytesOf(Uint16Array.of(0x7c01, 0xfe01, 0x8000, 1))],
    ["bfloat16", bytesOf(Uint16Array.of(0x7f81, 0xffc1, 0x8000, 1))],
    ["int32", bytesOf(Int32Array.of(-(2 ** 31), 2 ** 31 - 1))],
    ["uint8", bytesOf([0, 255])],
    ["bool", bytesOf([0, 1])],
  ])("gives back the bits of %s", async (dtype, bits) => {
    const many = Buffer.concat(Array.from({ length: 50 }, () => bits));
    // Few and many: a tensor of few elements could travel as numbers, which would not keep all bits.
    const path = write(
      "bits.safetensors",
      file(
        headerOf({
          x: entry(NAMES[dtype], [bits.length / SIZES[dtype]], 0, bits.length),
          y: entry(NAMES[dtype], [many.length / SIZES[dtype]], bits.length, bits.length + many.length),
        }),
        Buffer.concat([bits, many]),
      ),
    );
    const read = await io.loadSafetensors(path);
    const again = await roundTrip(Object.fromEntries(read.tensors));
    expect(Buffer.from(await again.get("x")!.bytes())).toEqual(bits);
    expect(Buffer.from(await again.get("y")!.bytes())).toEqual(many);
    expect(again.get("x")!.dtype).toBe(dtype);
  });

  it("gives back scalars, empty tensors and views", async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const again = await roundTrip({
      scalar: tensor(5),
      empty: zeros([0, 3]),
      transposed: x.transpose(),
      column: x.index(null, 1),
      wide: tensor([1, 2]).broadcastTo([2, 2]),
      half: fromBuffer(Uint16Array.of(0x7c01, 2, 3, 4), { dtype: "float16", shape: [2, 2] }).transpose(),
    });
    expect(await again.get("scalar")!.toArray()).toBe(5);
    expect(again.get("empty")!.shape).toEqual([0, 3]);
    expect(await again.get("transposed")!.toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(await again.get("column")!.toArray()).toEqual([2, 5]);
    expect(await again.get("wide")!.toArray()).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await again.get("half")!.bytes()).toEqual(new Uint8Array(Uint16Array.of(0x7c01, 3, 2, 4).buffer));
  });

  it("keeps every name", async () => {
    const names = ["", "1", '"\\\n', "ключ", "__proto__"];
    const tensors = new Map<string, Tensor>(names.map((name, i) => [name, tensor(i)]));
    await io.saveSafetensors(at("every.safetensors"), tensors);
    const again = (await io.loadSafetensors(at("every.safetensors"))).tensors;
    for (const [i, name] of names.entries()) expect(await again.get(name)!.item()).toBe(i);
  });

  it("writes a tensor that is disposed of meanwhile", async () => {
    const x = tensor([1, 2, 3]);
    const saved = io.saveSafetensors(at("disposed.safetensors"), { x });
    x.dispose();
    await saved;
    expect(await (await io.loadSafetensors(at("disposed.safetensors"))).tensors.get("x")!.toArray()).toEqual([1, 2, 3]);
  });

  it("has the old file or the whole new one at any time", async () => {
    const path = at("replaced.safetensors");
    await io.saveSafetensors(path, { x: zeros([10]) });
    const large = 2 ** 22;
    const saved = io.saveSafetensors(path, { x: zeros([large]) });
    const found: number[] = [];
    for (let done = false; !done;) {
      const loading = io.loadSafetensors(path).then(({ tensors }) => found.push(tensors.get("x")!.size));
      done = (await Promise.race([saved.then(() => true), loading])) === true;
      await loading;
    }
    expect(found.filter((size) => size !== 10 && size !== large)).toEqual([]);
    expect((await io.loadSafetensors(path)).tensors.get("x")!.size).toBe(large);
  });

  it("leaves the old file and nothing else where it fails", async () => {
    const own = at("own");
    mkdirSync(own);
    const path = join(own, "model.safetensors");
    await io.saveSafetensors(path, { x: tensor([1, 2]) });
    const old = readFileSync(path);
    const broken = gather(tensor([1, 2]), tensor([7], { dtype: "int32" }));
    expect(await failureOf(io.saveSafetensors(path, { a: zeros([1000]), broken }))).toBeInstanceOf(IndexError);
    expect(readFileSync(path)).toEqual(old);
    // A folder cannot be replaced by a file.
    await expect(io.saveSafetensors(own, { x: tensor(1) })).rejects.toThrow("EISDIR");
    expect(readdirSync(own)).toEqual(["model.safetensors"]);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    await io.saveSafetensors(path, { x: tensor([3]) });
    expect(await (await io.loadSafetensors(path)).tensors.get("x")!.toArray()).toEqual([3]);
  });

  it("refuses arguments of another kind", async () => {
    const save = io.saveSafetensors as (path: unknown, tensors: unknown, options?: unknown) => Promise<void>;
    const x = tensor(1);
    const gone = tensor([1, 2]);
    gone.dispose();
    const path = at("refused.safetensors");
    const check = async (message: string, ...args: [unknown, unknown, unknown?]): Promise<void> => {
      const failure = await failureOf(save(...args));
      expect(failure).toBeInstanceOf(ArgumentError);
      expect(failure.message).toContain(message);
    };
    await check("saveSafetensors: path is wrong: undefined", undefined, { x });
    await check('saveSafetensors: not a tensor\'s name: "__metadata__"', path, { __metadata__: x });
    await check("saveSafetensors: not a tensor's name: 3, expected a string", path, new Map([[3, x]]));
    await check('saveSafetensors: not a tensor: 3 for "x", expected a Tensor', path, { x: 3 });
    await check("saveSafetensors: tensors is wrong: Tensor, expected an object or a Map", path, x);
    await check("saveSafetensors: tensors is wrong: null", path, null);
    await check("saveSafetensors: the tensor was disposed: its shape was [2]", path, { gone });
    await check(
      "saveSafetensors: metadata.epoch is wrong: 3, expected a string",
      path,
      { x },
      { metadata: { epoch: 3 } },
    );
    await check("saveSafetensors: metadata is wrong: Map", path, { x }, { metadata: new Map([["a", "b"]]) });
    await check("saveSafetensors: metadata is wrong: []", path, { x }, { metadata: [] });
    await check("saveSafetensors: folder not found: ", join(at("nowhere"), "x.safetensors"), { x });
    expect(existsSync(path)).toBe(false);
  });
});

const NAMES = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int32: "I32",
  uint8: "U8",
  bool: "BOOL",
};
const SIZES = { float64: 8, float32: 4, float16: 2, bfloat16: 2, int32: 4, uint8: 1, bool: 1 };
