import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as nabla from "nabla";
import {
  DTypeError,
  NablaError,
  NativeError,
  Tensor,
  add,
  full,
  tensor,
  zeros,
  type DType,
  type HalfDType,
} from "nabla";
import { DTYPES, dtypeInfo, promote } from "../src/ts/dtype.js";
import { round } from "./reference/half.js";

const HALVES = ["bfloat16", "float16"] as const;

/** The cells of the table in docs/dtypes.md whose head line begins with `first`: row, column, cell. */
function tableOf(first: string): [string, string, string][] {
  const text = readFileSync(new URL("../docs/dtypes.md", import.meta.url), "utf8");
  const rows = text.split("\n").map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));
  const start = rows.findIndex((row) => row[1] === first);
  const end = rows.findIndex((row, i) => i > start && row.length === 1);
  const [head, , ...body] = rows.slice(start, end);
  return body.flatMap((row) => row.slice(2, -1).map((cell, i) => [row[1]!, head![i + 2]!, cell] as const)) as [
    string,
    string,
    string,
  ][];
}

describe("docs/dtypes.md", () => {
  const promotions = tableOf("with");
  test("the promotion table has every pair", () => {
    expect(promotions.length).toBe(DTYPES.length ** 2);
    expect(new Set(promotions.map(([row, column]) => `${row} ${column}`)).size).toBe(DTYPES.length ** 2);
  });
  test.each(promotions)("%s with %s is %s", (row, column, cell) => {
    expect(promote(row as DType, column as DType)).toBe(cell);
    // What an op does with them; uint8 is the least that add gives.
    const sum = add(zeros([2], { dtype: row as DType }), zeros([2], { dtype: column as DType }));
    expect(sum.dtype).toBe(cell === "bool" ? "uint8" : cell);
  });
  test("the sizes and arrays are right", () => {
    const facts = tableOf("dtype");
    const cell = (dtype: string, column: string): string => facts.find(([a, b]) => a === dtype && b === column)![2];
    for (const dtype of DTYPES) {
      expect(zeros([3], { dtype }).bytesSync().length).toBe(3 * Number(cell(dtype, "bytes")));
      expect(zeros([3], { dtype }).dataSync().constructor.name).toBe(cell(dtype, "read as"));
    }
    expect(facts.length).toBe(DTYPES.length * 4);
  });
});

describe.each(HALVES)("ops that only move elements keep %s", (dtype) => {
  const x = tensor(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    { dtype },
  );
  const rows = tensor([[1, 0, 1]], { dtype: "int32" });
  const moves: Record<string, () => Tensor> = {
    concat: () => nabla.concat([x, x]),
    stack: () => nabla.stack([x, x]),
    split: () => nabla.split(x, 2)[0]!,
    tile: () => nabla.tile(x, [1, 2]),
    repeat: () => nabla.repeat(x, 2, 0),
    pad: () => nabla.pad(x, 1, { value: 0.5 }),
    "pad by reflection": () =>
      nabla.pad(
        x,
        [
          [0, 1],
          [0, 1],
        ],
        { mode: "reflect" },
      ),
    flip: () => nabla.flip(x),
    roll: () => nabla.roll(x, 1),
    tril: () => nabla.tril(x),
    triu: () => nabla.triu(x),
    index: () => nabla.index(x, 1),
    takeAlongAxis: () => nabla.takeAlongAxis(x, rows, 0),
    shuffle: () => nabla.shuffle(x),
    embedding: () => nabla.embedding(tensor([1], { dtype: "int32" }), x),
    linspace: () => nabla.linspace(0, 1, 3, { dtype }),
    oneHot: () => nabla.oneHot(tensor([1], { dtype: "int32" }), 3, { dtype, onValue: 0.5 }),
    fromBuffer: () => nabla.fromBuffer(x.bytesSync().buffer as ArrayBuffer, { dtype }),
  };
  test.each(Object.keys(moves))("%s", (name) => expect(moves[name]!().dtype).toBe(dtype));
  test("and their values", () => {
    expect(moves["takeAlongAxis"]!().toArraySync()).toEqual([[4, 2, 6]]);
    expect(moves["concat"]!().toArraySync()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(Array.from(moves["fromBuffer"]!().dataSync())).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Array.from(moves["oneHot"]!().dataSync())).toEqual([0, 0.5, 0]);
  });
  test("concat with another dtype promotes", () => {
    expect(nabla.concat([x, zeros([1, 3], { dtype: "int32" })]).dtype).toBe("float32");
  });
});

describe.each(HALVES)("a tensor of %s", (dtype) => {
  const values = Array.from({ length: 100 }, (_, i) => (i - 50) / 7);
  const rounded = Float32Array.from(values, (value) => round(value, dtype));

  test("takes values and gives them back", async () => {
    for (const data of [values, Float64Array.from(values), Array.from(values.slice(0, 3))]) {
      const x = tensor(data, { dtype });
      expect(x.dtype).toBe(dtype);
      expect(x.dataSync()).toEqual(rounded.slice(0, data.length));
      expect(await x.data()).toEqual(rounded.slice(0, data.length));
    }
    expect(tensor([[true], [false]], { dtype }).toArraySync()).toEqual([[1], [0]]);
    expect(tensor(new Uint8Array([7, 200]), { dtype }).toArraySync()).toEqual([7, 200]);
    expect(tensor(0.1, { dtype }).itemSync()).toBe(round(0.1, dtype));
    expect(tensor([], { dtype }).dataSync()).toEqual(new Float32Array(0));
  });
  test("takes bits and gives them back", async () => {
    const bits = Uint16Array.from({ length: 99 }, (_, i) => (i * 40503) & 0xffff);
    const x = tensor(bits, { dtype, shape: [9, 11] });
    expect(new Uint16Array(x.bytesSync().buffer)).toEqual(bits);
    expect(new Uint16Array((await x.transpose().transpose().bytes()).buffer)).toEqual(bits);
    expect(new Uint16Array(tensor(bits.subarray(3, 5), { dtype }).bytesSync().buffer)).toEqual(bits.slice(3, 5));
  });
  test("leaves nothing behind when it is made or read", async () => {
    const before = nabla.memory().tensors;
    const x = tensor(values, { dtype });
    expect(nabla.memory().tensors).toBe(before + 1);
    x.dataSync();
    await x.data();
    await x.bytes();
    expect(nabla.memory().tensors).toBe(before + 1);
    x.max().dispose();
    x.argMax().dispose();
    x.sum().dispose();
    expect(nabla.memory().tensors).toBe(before + 1);
    x.dispose();
    expect(nabla.memory().tensors).toBe(before);
  });
  test("full, ones, arange and eye round", () => {
    expect(full([2], 0.1, { dtype }).dataSync()).toEqual(new Float32Array(2).fill(round(0.1, dtype)));
    expect(nabla.ones([2], { dtype }).dataSync()).toEqual(new Float32Array([1, 1]));
    expect(nabla.arange(0, 1, 0.1, { dtype }).dataSync()).toEqual(
      Float32Array.from({ length: 10 }, (_, i) => round(i * 0.1, dtype)),
    );
    expect(nabla.eye(2, 2, { dtype }).toArraySync()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(full([1], 1e6, { dtype: "float16" }).itemSync()).toBe(Infinity);
  });
  test("is no leaf of a graph", () => {
    const message = `tensor: only float32 and float64 tensors can require gradients: the dtype is ${dtype}`;
    expect(() => tensor([1], { dtype, requiresGrad: true })).toThrow(new DTypeError(message));
    expect(() => (tensor([1], { dtype }).requiresGrad = true)).toThrow(
      `requiresGrad: only float32 and float64 tensors can require gradients: the dtype is ${dtype}`,
    );
  });
  test("as the end of a graph, has a float32 gradient", () => {
    const x = tensor([2, 3], { requiresGrad: true });
    const y = x.cast(dtype).slice([[1]]);
    y.backward();
    expect(x.grad!.toArraySync()).toEqual([0, 1]);
    expect(() => x.cast(dtype).backward(tensor([1, 1], { dtype }))).toThrow(
      `backward: the gradient's dtype does not fit: it is ${dtype}, the tensor is ${dtype}, expected float32`,
    );
  });
  test("copies that a view needs", () => {
    const x = tensor(values, { dtype, shape: [10, 10] });
    const wanted = Array.from({ length: 100 }, (_, i) => rounded[(i % 10) * 10 + Math.floor(i / 10)]!);
    expect(Array.from(x.transpose().reshape([100]).dataSync())).toEqual(wanted);
  });
});

test("bytes of every dtype are those of its array", async () => {
  for (const dtype of ["float32", "float64", "int32", "uint8", "bool"] as const) {
    const x = tensor([[1, 0, 200]], { dtype });
    const data = x.dataSync();
    expect(await x.bytes()).toEqual(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const gone = tensor([1]);
  gone.dispose();
  expect(() => gone.bytesSync()).toThrow("bytesSync: the tensor was disposed: its shape was [1]");
});

test("a Uint16Array of another dtype is refused", () => {
  const message = "tensor: a Uint16Array holds bits: the dtype is neither bfloat16 nor float16, expected one of them";
  const call = tensor as (data: unknown, options?: object) => Tensor;
  expect(() => call(new Uint16Array(2))).toThrow(message);
  expect(() => call(new Uint16Array(2), { dtype: "int32" })).toThrow(message);
});

// What every exported function does with half operands. Those that are not listed are called too: they may refuse, with
// an error for the user, but never fail while running.
type Outcome = DType | "keeps" | "refuses";
const outcomes: Record<string, Outcome> = {
  add: "float32",
  sub: "float32",
  mul: "float32",
  div: "float32",
  pow: "float32",
  maximum: "float32",
  minimum: "float32",
  abs: "float32",
  exp: "float32",
  log: "float32",
  neg: "float32",
  relu: "float32",
  rsqrt: "float32",
  sigmoid: "float32",
  sign: "float32",
  sqrt: "float32",
  square: "float32",
  tanh: "float32",
  equal: "bool",
  greater: "bool",
  greaterEqual: "bool",
  less: "bool",
  lessEqual: "bool",
  notEqual: "bool",
  logicalAnd: "refuses",
  logicalNot: "refuses",
  logicalOr: "refuses",
  argMax: "int32",
  argMin: "int32",
  max: "keeps",
  min: "keeps",
  mean: "float32",
  sum: "float32",
  flatten: "keeps",
  squeeze: "keeps",
  transpose: "keeps",
  maxPool2d: "refuses",
  conv2d: "refuses",
  logSoftmax: "float32",
  softmax: "float32",
  softmaxCrossEntropy: "refuses",
};

const patterns: ((x: Tensor, image: Tensor, mask: Tensor, index: Tensor) => unknown[])[] = [
  (x) => [x],
  (x) => [x, x],
  (x) => [x, 2],
  (x) => [x, x, x],
  (_, image) => [image],
  (_, image) => [image, image],
  (x) => [x, -1, 1],
  (x) => [x, [4, 4]],
  (x) => [x, "int32"],
  (x) => [x, [null]],
  (x) => [[x, x]],
  (x) => [[x, x], 0],
  (x) => [x, 0.5],
  (x, _, mask) => [mask, x, x],
  (x, _, mask) => [mask, x, 1],
  (x, _, __, index) => [x, index],
  (x, _, __, index) => [x, index, 0],
  (x, _, __, index) => [x, index, x, 0],
  (x, _, __, index) => [index, x],
];

// Not functions of tensors, or functions that call back.
const notOps = new Set(["setSeed", "noGrad", "tidy", "keep", "memory", "devices"]);
const functions = Object.entries(nabla).filter(
  ([name, value]) => typeof value === "function" && /^[a-z]/.test(name) && !notOps.has(name),
) as [string, (...args: unknown[]) => unknown][];

describe.each(HALVES)("every exported op with %s", (dtype) => {
  test("there are ops", () => {
    expect(functions.length).toBeGreaterThan(55);
    expect(functions.map(([name]) => name)).toEqual(expect.arrayContaining(Object.keys(outcomes)));
  });
  test.each(functions)("%s", async (name, op) => {
    const x = tensor([0.25, 1, 2, 0.5, 1, 3, 4, 5, 0.125, 1, 2, 3, 1, 1, 1, 2], { dtype, shape: [4, 4] });
    const image = full([1, 4, 4, 1], 2, { dtype });
    const mask = tensor([true, false, true, false]);
    const index = tensor([0, 1, 3, 2], { dtype: "int32" });
    const seen: string[] = [];
    for (const pattern of patterns) {
      const args = pattern(x, image, mask, index);
      let results: Tensor[];
      try {
        results = [await op(...args)].flat().filter((made) => made instanceof Tensor);
        // Rejects with a NativeError if a kernel met a dtype that it does not know.
        for (const made of results) expect((await made.data()).length).toBe(made.size);
      } catch (error) {
        expect(error).not.toBeInstanceOf(NativeError);
        if (error instanceof DTypeError) seen.push("refuses");
        // Arguments that are none for this function.
        else if (!(error instanceof NablaError || error instanceof TypeError)) throw error;
        continue;
      }
      if (args[0] !== x && args[0] !== image) continue;
      for (const made of results) seen.push(made.dtype === dtype ? "keeps" : made.dtype);
    }
    const wanted = outcomes[name];
    if (wanted !== undefined) expect(new Set(seen), `${name} gave ${seen.join()}`).toEqual(new Set([wanted]));
  });
});

test("ops of several kinds of operands", () => {
  for (const dtype of HALVES) {
    const x = tensor([[1, 2]], { dtype });
    expect(nabla.where(tensor([true, false]), x, x).dtype).toBe("float32");
    expect(nabla.where(tensor([true, false]), x, 0).toArraySync()).toEqual([[1, 0]]);
    expect(x.scatterAdd([0], x).dtype).toBe("float32");
    expect(x.clip(0, 1.5).toArraySync()).toEqual([[1, 1.5]]);
    expect(x.gather([1], 1).dtype).toBe(dtype);
    expect(
      x
        .broadcastTo([3, 2])
        .slice([[null, null, -1]])
        .cast("int32")
        .toArraySync(),
    ).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(x.max({ axis: 0 }).toArraySync()).toEqual([1, 2]);
    expect(x.argMax({ axis: 1 }).toArraySync()).toEqual([1]);
    expect(x.matmul(x.transpose())).toMatchObject({ dtype: "float32" });
    expect(x.matmul(x.transpose()).toArraySync()).toEqual([[5]]);
    expect(() => x.dropout(0.5)).toThrow(
      new DTypeError(`dropout: no arithmetic in ${dtype}: it is the dtype of x, cast to float32 first`),
    );
    expect(() => nabla.rand([2], { dtype })).toThrow(
      new DTypeError(`rand: no arithmetic in ${dtype}: make float32 numbers and cast them`),
    );
    const logits = tensor([[1, 2]]);
    expect(() => logits.softmaxCrossEntropy(tensor([1], { dtype }))).toThrow(DTypeError);
  }
});

test("an op that was not made for halves refuses them before its kernel runs", async () => {
  const { defineOp } = await import("../src/ts/op.js");
  const op = defineOp<undefined>({
    name: "softmaxOfAnything",
    kernel: "softmax",
    infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    backward: null,
  });
  for (const dtype of HALVES satisfies readonly HalfDType[]) {
    expect(() => op([tensor([1], { dtype })], undefined)).toThrow(
      new DTypeError(`softmaxOfAnything: no arithmetic in ${dtype}: it is for storage, cast to float32 first`),
    );
    expect(dtypeInfo[dtype].size).toBe(2);
  }
});
