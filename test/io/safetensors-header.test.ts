import { truncateSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FormatError, io } from "nabla";
import { entry, failureOf, file, headerOf, workFolder } from "../support/safetensors.js";

const { write } = workFolder();

describe("loadSafetensors refuses", () => {
  const u8 = (name: string, shape: unknown, offsets: unknown): string =>
    `{"${name}":{"dtype":"U8","shape":${JSON.stringify(shape)},"data_offsets":${JSON.stringify(offsets)}}}`;

  it.each<[string, Uint8Array, string]>([
    ["an empty file", Buffer.alloc(0), "truncated file: FILE ends at byte 0, expected at least 8 bytes"],
    ["seven bytes", Buffer.alloc(7), "truncated file: FILE ends at byte 7, expected at least 8 bytes"],
    ["no header", file(""), 'not a header: FILE has nothing at byte 8, expected "{"'],
    ["a header cut off", file("{}", [], 50n), "truncated file: FILE ends at byte 10, its header of 50 bytes at 58"],
    [
      "a header of 10 GB",
      file("{}", [], 10_000_000_000n),
      "header too long: FILE says 10000000000 bytes at byte 0, expected at most 100000000",
    ],
    ["a header of 2^63 bytes", file("{}", [], 2n ** 63n), "header too long: FILE says 9223372036854775808 bytes"],
    [
      "data cut off",
      file(u8("x", [4], [0, 4]), [1, 2, 3]),
      'truncated file: the data of tensor "x" in FILE ends at byte 4, there are 3',
    ],
    ["another beginning", file(" {}"), 'not a header: FILE has " " at byte 8, expected "{"'],
    ["an array", file("[]"), 'not a header: FILE has "[" at byte 8, expected "{"'],
    ["invalid UTF-8", file(Buffer.from([0x7b, 0x22, 0xff, 0x22])), "invalid UTF-8: the header of FILE, expected JSON"],
    ["invalid JSON", file('{"x":}'), "invalid JSON: the header of FILE, "],
    ["a string without end", file('{"x'), "invalid JSON: the header of FILE, "],
    ["a wrong escape", file('{"\\x":1}'), "invalid JSON: the header of FILE, "],
    [
      "deep arrays",
      file(`{"x":${"[".repeat(1_000_000)}`),
      "JSON nested too deeply: the header of FILE at character 20, expected at most 16 levels",
    ],
    ["deep objects", file('{"x":'.repeat(200_000)), "JSON nested too deeply: the header of FILE at character 80"],
    [
      "a name twice",
      file(`{"a":${JSON.stringify(entry("U8", [0], 0, 0))},"\\u0061" :${JSON.stringify(entry("U8", [0], 0, 0))}}`),
      'duplicate name: "a" in the header of FILE at character 53, expected it once',
    ],
    [
      "a field twice",
      file('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
      'duplicate name: "dtype" in the header of FILE at character 19',
    ],
    ["__metadata__ twice", file('{"__metadata__":{},"__metadata__":{}}'), 'duplicate name: "__metadata__"'],
    [
      "an unknown dtype",
      file(headerOf({ x: entry("F12", [1], 0, 1) }), [1]),
      'unknown dtype: "F12" of tensor "x" in FILE, expected one of F64, F32, F16,',
    ],
    ["a dtype from Object", file(headerOf({ x: entry("toString", [1], 0, 1) }), [1]), 'unknown dtype: "toString"'],
    ["a dtype that is a number", file('{"x":{"dtype":3,"shape":[],"data_offsets":[0,1]}}', [1]), "unknown dtype: 3 of"],
    ["a negative size", file(u8("x", [-1], [0, 1]), [1]), 'the shape is wrong: [-1] of tensor "x" in FILE'],
    ["a fraction", file(u8("x", [0.5], [0, 1]), [1]), "the shape is wrong: [0.5] of"],
    ["a size past 2^53", file(u8("x", [2 ** 53], [0, 1]), [1]), "the shape is wrong: [9007199254740992] of"],
    ["a size in quotes", file(u8("x", ["1"], [0, 1]), [1]), 'the shape is wrong: ["1"] of'],
    ["a shape that is a number", file(u8("x", 1, [0, 1]), [1]), "the shape is wrong: 1 of"],
    [
      "a product that overflows",
      file(u8("x", [2 ** 40, 2 ** 40], [0, 1]), [1]),
      'too many elements: [1099511627776,1099511627776] of tensor "x" in FILE, expected at most 2^53 bytes',
    ],
    ["such a product and a zero", file(u8("x", [2 ** 40, 2 ** 40, 0], [0, 0])), "too many elements: "],
    [
      "more elements than a tensor has",
      file(u8("x", [2 ** 40, 0], [0, 0])),
      'too many elements or dimensions: [1099511627776,0] of tensor "x" in FILE, expected at most 2147483647 and 8',
    ],
    [
      "nine dimensions",
      file(u8("x", [1, 1, 1, 1, 1, 1, 1, 1, 1], [0, 1]), [1]),
      'too many elements or dimensions: [1,1,1,1,1,1,1,1,1] of tensor "x" in FILE',
    ],
    ["very many dimensions", file(u8("x", new Array<number>(1e5).fill(1), [0, 1]), [1]), "too many elements or dim"],
    [
      "objects that look like classes",
      file('{"x":{"dtype":[{"constructor":{"name":{"toString":1}}}],"shape":[],"data_offsets":[0,1]}}', [1]),
      'unknown dtype: [{"constructor":{"name":{"toString":1}}}] of tensor "x" in FILE',
    ],
    [
      "offsets that do not fit",
      file(headerOf({ x: entry("F32", [2], 0, 4) }), [1, 2, 3, 4]),
      'data_offsets do not fit: 4 bytes for tensor "x" in FILE, expected 8 for F32 of [2]',
    ],
    ["an end before its beginning", file(u8("x", [1], [1, 0]), [1]), "data_offsets are wrong: [1,0] of"],
    ["three offsets", file(u8("x", [1], [0, 1, 2]), [1]), "data_offsets are wrong: [0,1,2] of"],
    ["a negative offset", file(u8("x", [1], [-1, 0]), [1]), "data_offsets are wrong: [-1,0] of"],
    ["offsets in words", file(u8("x", [1], "01"), [1]), 'data_offsets are wrong: "01" of'],
    [
      "data out of range",
      file(u8("x", [1], [9, 10]), [1]),
      'the data of tensor "x" in FILE ends at byte 10, there are 1',
    ],
    [
      "data that overlap",
      file(headerOf({ b: entry("U8", [2], 1, 3), a: entry("U8", [2], 0, 2) }), [1, 2, 3]),
      'data overlaps: tensor "b" in FILE begins at byte 1 of the data, expected 2',
    ],
    [
      "the same data twice",
      file(headerOf({ a: entry("U8", [2], 0, 2), b: entry("U8", [2], 0, 2) }), [1, 2]),
      "data overlaps: ",
    ],
    [
      "a hole",
      file(headerOf({ a: entry("U8", [1], 0, 1), b: entry("U8", [1], 2, 3) }), [1, 2, 3]),
      'a hole in the data: tensor "b" in FILE begins at byte 2 of the data, expected 1',
    ],
    ["a hole at first", file(u8("x", [1], [1, 2]), [1, 2]), "a hole in the data: "],
    [
      "bytes behind the last tensor",
      file(u8("x", [1], [0, 1]), [1, 2]),
      "bytes left over: FILE has 2 bytes of data, its tensors take 1",
    ],
    ["bytes without a tensor", file("{}", [1]), "bytes left over: FILE has 1 bytes of data, its tensors take 0"],
    [
      "an unknown field",
      file('{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1],"strides":[]}}', [1]),
      'unknown field: "strides" of tensor "x" in FILE, expected dtype, shape, data_offsets alone',
    ],
    [
      "a missing field",
      file('{"x":{"dtype":"U8","shape":[]}}'),
      'missing field: tensor "x" in FILE, expected "data_offsets"',
    ],
    ["a field from Object", file('{"x":{"__proto__":{"dtype":"U8"}}}'), 'missing field: tensor "x" in FILE'],
    ["no object for a tensor", file('{"x":[1]}'), 'not a tensor: [1] for tensor "x" in FILE'],
    ["null for a tensor", file('{"x":null}'), 'not a tensor: null for tensor "x" in FILE'],
    [
      "metadata that are no object",
      file('{"__metadata__":[]}'),
      "__metadata__ is wrong: [] in FILE, expected an object of strings",
    ],
    [
      "metadata that are no strings",
      file('{"__metadata__":{"epoch":3}}'),
      '__metadata__ is wrong: "epoch" is 3 in FILE, expected a string',
    ],
    ["a name without end", file(`{"${"x".repeat(1e6)}":1}`), `for tensor "${"x".repeat(80)}…" in FILE`],
  ])("%s", async (_, bytes, message) => {
    const path = write("hostile.safetensors", bytes);
    const failure = await failureOf(io.loadSafetensors(path));
    expect(failure).toBeInstanceOf(FormatError);
    expect(failure.message).toMatch(/^loadSafetensors: /);
    expect(failure.message).toContain(message.replace("FILE", path));
    expect(failure.message.length).toBeLessThan(500 + path.length);
  });

  it("every file that is cut off, wherever", async () => {
    const whole = file(headerOf({ x: entry("F32", [2], 0, 8) }), new Uint8Array(8));
    const path = write("cut.safetensors", whole);
    for (let length = whole.length - 1; length >= 0; length--) {
      truncateSync(path, length);
      await expect(io.loadSafetensors(path), `${length} bytes`).rejects.toThrow(FormatError);
    }
  });
});
