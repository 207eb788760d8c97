import { describe, expect, it } from "vitest";
import { FormatError } from "nabla";
import { parseManifest } from "../../src/ts/io/weights-manifest.js";

const FILE = "m/model.json";
const parse = (manifest: unknown) => parseManifest("loadLayersModel", manifest, FILE);
const group = (...weights: unknown[]): unknown => [{ paths: ["a.bin"], weights }];
const kernel = { name: "d/kernel", shape: [2, 3], dtype: "float32" };

describe("a weightsManifest", () => {
  it("says where each weight lies", () => {
    const groups = parse([
      {
        paths: ["a.bin", "b.bin"],
        weights: [
          kernel,
          { name: "flags", shape: [5], dtype: "bool" },
          { name: "none", shape: [0, 7], dtype: "int32" },
          { name: "half", shape: [], dtype: "float16" },
        ],
      },
      {
        paths: ["c.bin"],
        weights: [
          { name: "q", shape: [3], dtype: "float32", quantization: { dtype: "uint16", min: -1, scale: 0.5 } },
          { name: "iterations", shape: [1], dtype: "int32", group: "optimizer" },
          { name: "bytes", shape: [2], dtype: "uint8" },
        ],
      },
    ]);
    const places = groups.map(({ weights }) => weights.map(({ name, begin, end }) => [name, begin, end]));
    expect(places).toEqual([
      [
        ["d/kernel", 0, 24],
        ["flags", 24, 29],
        ["none", 29, 29],
        ["half", 29, 31],
      ],
      [
        ["q", 0, 6],
        ["iterations", 6, 10],
        ["bytes", 10, 12],
      ],
    ]);
    expect(groups.map(({ bytes }) => bytes)).toEqual([31, 12]);
    expect(groups[1]!.weights.map(({ ofOptimizer }) => ofOptimizer)).toEqual([false, true, false]);
  });

  it.each<[string, unknown, string]>([
    ["no list", {}, `weightsManifest is wrong: {} in ${FILE}, expected a list of { paths, weights }`],
    ["no group", [7], `not a group: 7 for group 0 of the weightsManifest in ${FILE}, expected { paths, weights }`],
    ["no paths", [{ weights: [] }], 'not a group: {"weights":[]} for group 0'],
    ["no weights", [{ paths: [], weights: {} }], "not a group: "],
    ["a path that is none", [{ paths: [1], weights: [] }], "not a file's name: 1 in group 0 of the weightsManifest"],
    ["a file twice", [{ paths: ["a", "a"], weights: [] }], 'duplicate file: "a" in group 0'],
    ["no weight", group(null), `not a weight: null for weight 0 of group 0 of the weightsManifest in ${FILE}`],
    ["no name", group(kernel, { shape: [], dtype: "bool" }), "for weight 1 of group 0"],
    ["a name twice", group(kernel, kernel), `duplicate name: "d/kernel" in group 0 of the weightsManifest in ${FILE}`],
    [
      "an unknown dtype",
      group({ ...kernel, dtype: "string" }),
      `unknown dtype: "string" of weight "d/kernel" in ${FILE}`,
    ],
    ["a dtype of objects' own", group({ ...kernel, dtype: "constructor" }), 'unknown dtype: "constructor"'],
    ["no dtype", group({ name: "a", shape: [] }), "unknown dtype: nothing"],
    ["a size below 0", group({ ...kernel, shape: [-1] }), `the shape is wrong: [-1] of weight "d/kernel" in ${FILE}`],
    ["a size that is no number", group({ ...kernel, shape: ["2"] }), 'the shape is wrong: ["2"]'],
    ["no shape", group({ ...kernel, shape: undefined }), "the shape is wrong: nothing"],
    [
      "a huge shape",
      group({ ...kernel, shape: [2 ** 30, 2 ** 30, 0] }),
      "too many elements: [1073741824,1073741824,0]",
    ],
    [
      "a huge sum",
      group(
        { ...kernel, shape: [2 ** 50] },
        { ...kernel, name: "b", shape: [2 ** 50] },
        { ...kernel, name: "c", shape: [2 ** 50] },
      ),
      'too many bytes: weight "b"',
    ],
    [
      "an unknown quantization",
      group({ ...kernel, quantization: { dtype: "int4" } }),
      'unknown quantization: {"dtype":"int4"}',
    ],
    ["a quantization that is none", group({ ...kernel, quantization: null }), "unknown quantization: null"],
    [
      "a quantization of bools",
      group({ ...kernel, dtype: "bool", quantization: { dtype: "uint8", min: 0, scale: 1 } }),
      `the quantization does not fit: uint8 for bool of weight "d/kernel" in ${FILE}, expected float32 or int32`,
    ],
    [
      "halves of integers",
      group({ ...kernel, dtype: "int32", quantization: { dtype: "float16" } }),
      "the quantization does not fit: float16 for int32",
    ],
    [
      "no scale",
      group({ ...kernel, quantization: { dtype: "uint8", min: 0 } }),
      `min and scale are wrong: 0 and nothing of weight "d/kernel" in ${FILE}, expected numbers that float32 holds`,
    ],
    [
      "a scale without end",
      group({ ...kernel, quantization: { dtype: "uint8", min: 0, scale: 1e39 } }),
      "min and scale are wrong",
    ],
    [
      "integers out of range",
      group({ ...kernel, dtype: "int32", quantization: { dtype: "uint8", min: 2 ** 31 - 255, scale: 1 } }),
      "expected numbers that int32 holds",
    ],
  ])("refuses %s", (_, manifest, message) => {
    expect(() => parse(manifest)).toThrow(FormatError);
    expect(() => parse(manifest)).toThrow(message);
    expect(() => parse(manifest)).toThrow(/^loadLayersModel: .*m\/model\.json/);
  });
});
