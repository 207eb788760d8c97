import { describe, expect, test } from "vitest";
import { cast, tensor, type DType, type Tensor } from "nabla";
import { DTYPES, cases, specials } from "../cases/cast.js";
import { cast as reference, convert } from "../reference/cast.js";
import { fromBits, round, toBits } from "../reference/half.js";
import { readFixtures, toNumbers } from "../fixtures/torch/fixtures.js";
import { checkOp } from "../support/check-op.js";

for (const to of DTYPES) {
  checkOp({
    op: `cast to ${to}`,
    cases: [...cases, ...specials].filter(({ attrs }) => attrs === to),
    run: ([x]) => cast(x!, to),
    reference,
    dtypes: DTYPES,
    outputDType: () => to,
    tolerance: { float32: 0, float64: 0 },
  });
}

test("the gradient comes back in the input's dtype", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  x.cast("float64").sum().backward();
  expect(x.grad!.dtype).toBe("float32");
});

test("integers cut the graph", () => {
  const x = tensor([1.5], { requiresGrad: true });
  expect(x.cast("int32").cast("float32").requiresGrad).toBe(false);
});

test("what is no tensor is refused", () => {
  expect(() => cast([1] as unknown as Tensor, "int32")).toThrow("cast: not a tensor: [1], expected a Tensor");
});

test("the same dtype shares memory", () => {
  const x = tensor([1.5]);
  const y = x.cast("float32");
  expect(y.storage).toBe(x.storage);
  y.dispose();
  expect(x.itemSync()).toBe(1.5);
});

/** Quicker than `toEqual` for many elements. */
function expectSame(got: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    if (!Object.is(got[i], wanted[i])) expect.fail(`element ${i} is ${got[i]}, expected ${wanted[i]}`);
  }
}

describe.each(["bfloat16", "float16"] as const)("%s", (dtype) => {
  const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
  const values = Float64Array.from(all, (bits) => fromBits(bits, dtype));
  const isNaNPattern = (bits: number): boolean => Number.isNaN(values[bits]!);
  const bitsOf = (x: Tensor): Uint16Array => new Uint16Array(x.bytesSync().buffer);

  test("every pattern has its value", () => {
    const x = tensor(all, { dtype });
    expectSame(x.dataSync(), values);
    expectSame(x.cast("float64").dataSync(), values);
  });

  test.each(["float32", "float64"] as const)("every pattern there and back by %s", (wide) => {
    const back = bitsOf(tensor(all, { dtype }).cast(wide).cast(dtype));
    expect(back.length).toBe(2 ** 16);
    // A NaN stays one: its sign and what fits of its fraction are kept, but it comes back quiet.
    const quiet = dtype === "float16" ? 0x0200 : 0x0040;
    all.forEach((bits) => {
      if (back[bits] !== (isNaNPattern(bits) ? bits | quiet : bits)) expect.fail(`${bits} came back as ${back[bits]}`);
    });
  });

  test("every value of the other half dtype", () => {
    const other = dtype === "float16" ? "bfloat16" : "float16";
    const wanted = Float32Array.from(all, (bits) => round(fromBits(bits, other), dtype));
    expectSame(tensor(all, { dtype: other }).cast(dtype).dataSync(), wanted);
  });

  test("to integers and bool", () => {
    for (const to of ["int32", "uint8", "bool"] as const) {
      expectSame(
        tensor(all, { dtype }).cast(to).dataSync(),
        values.map((value) => convert(value, to) + 0),
      );
    }
  });

  // Between any two neighbours of the format: the middle, which is a tie, and what lies next to it on either side.
  function aroundTies(next: (middle: number, direction: number) => number): Float64Array {
    const found: number[] = [];
    for (let bits = 0; bits < 2 ** 15; bits++) {
      const low = values[bits]!;
      const high = bits + 1 < 2 ** 15 ? values[bits + 1]! : NaN;
      if (!Number.isFinite(low)) break;
      // Above the largest number, as if there were one more.
      const middle = Number.isFinite(high) ? (low + high) / 2 : low + (low - values[bits - 1]!) / 2;
      for (const x of [low, next(middle, -1), middle, next(middle, 1)]) found.push(x, -x);
    }
    return Float64Array.from(found);
  }
  const floats = new Float32Array(1);
  const words = new Int32Array(floats.buffer);
  const nextFloat = (x: number, direction: number): number => {
    floats[0] = x;
    words[0]! += direction;
    return floats[0]!;
  };
  const doubles = new Float64Array(1);
  const longs = new BigInt64Array(doubles.buffer);
  const nextDouble = (x: number, direction: number): number => {
    doubles[0] = x;
    longs[0]! += BigInt(direction);
    return doubles[0]!;
  };

  test.each([
    ["float32", aroundTies(nextFloat)],
    ["float64", aroundTies(nextDouble)],
  ] as const)("%s is rounded once, to nearest, ties to even", (wide, inputs) => {
    expect(inputs.length).toBeGreaterThan(200_000);
    const wanted = Uint16Array.from(inputs, (x) => toBits(round(x, dtype), dtype));
    expectSame(bitsOf(tensor(inputs, { dtype: wide }).cast(dtype)), wanted);
    // The same from a typed array, nested arrays and as an attribute of the command.
    expectSame(bitsOf(tensor(wide === "float32" ? Float32Array.from(inputs) : inputs, { dtype })), wanted);
    const some = Array.from(inputs.subarray(1000, 1200));
    expect(bitsOf(tensor(some, { dtype }))).toEqual(wanted.slice(1000, 1200));
    expect(bitsOf(tensor(some.slice(0, 60), { dtype }))).toEqual(wanted.slice(1000, 1060));
  });

  test("integers that float32 does not hold are rounded once", () => {
    // As float32, 2^24 + 1 + 2^16 k would be rounded to a tie first.
    const integers = Int32Array.from(
      { length: 3000 },
      (_, i) => (2 ** 24 + 2 ** 16 + 1 + i * 2 ** 17) * (i % 2 ? 1 : -1),
    );
    const wanted = Float32Array.from(integers, (x) => round(x, dtype));
    expect(tensor(integers).cast(dtype).dataSync()).toEqual(wanted);
    expect(tensor(integers, { dtype }).dataSync()).toEqual(wanted);
  });

  test("gradients pass in float32", () => {
    const x = tensor([1, 1 + 2 ** -12, -3], { requiresGrad: true });
    const stored = x.cast(dtype);
    expect(stored.requiresGrad).toBe(true);
    stored
      .reshape([3, 1])
      .gather([2, 0, 0])
      .cast("float32")
      .mul(tensor([[5], [7], [1.0009765625]]))
      .sum()
      .backward();
    expect(x.grad!.dtype).toBe("float32");
    // Not rounded to 16 bits on the way.
    expect(Array.from(x.grad!.dataSync())).toEqual([8.0009765625, 0, 5]);
  });
});

describe("exactly as PyTorch casts", () => {
  const { cases: recorded } = readFixtures().get("cast")!;
  test("there are cases", () => expect(recorded.length).toBeGreaterThan(20));
  test.each(recorded.map((testCase) => [testCase.name, testCase] as const))(
    "%s",
    (_name, { inputs, args, outputs }) => {
      const [{ shape, dtype, data }] = inputs as [(typeof inputs)[0]];
      const got = tensor(toNumbers(data), { shape, dtype }).cast(args[1] as DType);
      // Decimals of float32, also where the dtype is float64.
      expect(Float32Array.from(got.dataSync())).toEqual(Float32Array.from(toNumbers(outputs[0]!.data)));
    },
  );
});
