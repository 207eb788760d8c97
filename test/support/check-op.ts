import { describe, expect, test } from "vitest";
import type { DType, Tensor } from "nabla";
import { round } from "../reference/half.js";
import type { Nd } from "../reference/nd.js";
import { contiguous, layouts, type Laid, type Layout } from "./layouts.js";
import { draw, random, type Values } from "./values.js";

/** One input of a case. */
export interface InputSpec {
  readonly shape: readonly number[];
  /** "normal" by default. */
  readonly values?: Values;
  /** The same in every run of the case; by default the dtype that is being tested. */
  readonly dtype?: DType;
}

/** A row of a case table: test/cases/<stem>.ts lists them, the op's test and its benchmark read them. */
export interface Case<A = undefined> {
  readonly name: string;
  readonly inputs: readonly InputSpec[];
  readonly attrs: A;
  /** False where the op has no gradient at these values, such as NaN. */
  readonly gradient?: boolean;
  /** The dtypes that the case makes sense in; by default those of the check. */
  readonly dtypes?: readonly DType[];
}

/** The usual short form: the name is made of the shapes. */
export function shapes(...inputs: (readonly number[] | InputSpec)[]): Case {
  const specs = inputs.map((input) => ("shape" in input ? input : { shape: input }));
  return { name: specs.map(({ shape }) => `[${shape.join()}]`).join(" "), inputs: specs, attrs: undefined };
}

export interface OpCheck<A> {
  readonly op: string;
  readonly cases: readonly Case<A>[];
  run(inputs: Tensor[], attrs: A): Tensor;
  reference(inputs: readonly Nd[], attrs: A): Nd;
  /** float32 and float64 by default. */
  readonly dtypes?: readonly DType[];
  /** The dtype of the result, where it is not the dtype under test. */
  outputDType?(dtype: DType): DType;
  /**
   * The error allowed, relative to the larger of 1 and the value. By default 2e-6 for float32 (some 16 roundings)
   * and 1e-13 for float64; integers are exact.
   */
  readonly tolerance?: Partial<Record<DType, number>>;
  /** Which inputs have gradients; by default all, "none" for an op without. */
  readonly gradient?: readonly number[] | "none";
}

const DEFAULT_TOLERANCE: Readonly<Record<DType, number>> = {
  float32: 2e-6,
  float64: 1e-13,
  int32: 0,
  uint8: 0,
  bool: 0,
  bfloat16: 0,
  float16: 0,
};

/** Gradients are sums of some dozen products of float32 numbers around 1. */
const GRADIENT_TOLERANCE_FLOAT32 = 2e-5;
/** Central differences in float64 with a step of 1e-5: some 1e-10 from the third derivative, 1e-10 from rounding. */
const DIFFERENCE_TOLERANCE = 1e-6;
const DIFFERENCE_STEP = 1e-5;
/** Elements of an input whose slope is measured; of larger inputs so many are chosen. */
const DIFFERENCES = 24;

/**
 * Registers the tests of an op: for each case, dtype and memory layout the value against the naive reference, and
 * the gradients against central differences of the reference.
 */
export function checkOp<A>(check: OpCheck<A>): void {
  describe(check.op, () => {
    let looked = 0;
    for (const testCase of check.cases) {
      for (const dtype of testCase.dtypes ?? check.dtypes ?? (["float32", "float64"] as const)) {
        test(`${testCase.name}, ${dtype}`, () => {
          checkValues(check, testCase, dtype);
          looked++;
        });
      }
      if (check.gradient === "none" || testCase.gradient === false) continue;
      test(`${testCase.name}, gradient`, () => {
        checkGradients(check, testCase);
        looked++;
      });
    }
    test("has cases", () => expect(looked).toBeGreaterThan(0));
  });
}

function inputsOf<A>(check: OpCheck<A>, { name, inputs }: Case<A>, dtype: DType): Nd[] {
  const next = random(`${check.op} ${name}`);
  return inputs.map(({ shape, values, dtype: own }) => ({
    shape,
    data: fit(draw(values ?? "normal", shape, next), own ?? dtype),
  }));
}

/** Halves get the drawn numbers rounded. Integer dtypes get the drawn numbers (three times those that are fractions) without what they cannot hold. */
function fit(data: Float64Array, dtype: DType): Float64Array {
  if (dtype === "bool") return data.map((value) => (value > 0 ? 1 : 0));
  if (dtype === "bfloat16" || dtype === "float16") return data.map((value) => round(value, dtype));
  if (dtype !== "int32" && dtype !== "uint8") return data;
  const factor = data.every(Number.isInteger) ? 1 : 3;
  const whole = data.map((value) => Math.trunc(value * factor) + 0);
  return dtype === "int32" ? whole : whole.map((value) => Math.abs(value) % 256);
}

/** The inputs in a layout; contiguous where their shape has none. Null when that is so for all of them. */
function layOut<A>(layout: Layout, values: readonly Nd[], { inputs }: Case<A>, dtype: DType): Laid[] | null {
  const dtypes = inputs.map((input) => input.dtype ?? dtype);
  const laid = values.map((value, i) => layout(value, dtypes[i]!));
  if (laid.every((input) => input === null)) return null;
  return laid.map((input, i) => input ?? contiguous(values[i]!, dtypes[i]!));
}

function checkValues<A>(check: OpCheck<A>, testCase: Case<A>, dtype: DType): void {
  const values = inputsOf(check, testCase, dtype);
  const outputDType = check.outputDType?.(dtype) ?? dtype;
  const exact = check.reference(values, testCase.attrs);
  // What is too large for float32 is Infinity there.
  const expected = { shape: exact.shape, data: outputDType === "float32" ? exact.data.map(Math.fround) : exact.data };
  const tolerance = check.tolerance?.[dtype] ?? DEFAULT_TOLERANCE[dtype];
  for (const [name, layout] of Object.entries(layouts)) {
    const laid = layOut(layout, values, testCase, dtype);
    if (laid === null) continue;
    const result = check.run(
      laid.map(({ view }) => view),
      testCase.attrs,
    );
    expect(result.dtype, `dtype, ${name}`).toBe(outputDType);
    expect(result.shape, `shape, ${name}`).toEqual(expected.shape);
    expectClose(result.dataSync(), expected.data, tolerance, `${name} inputs`);
  }
}

/** Asserts that all elements agree: |got - wanted| <= tolerance * max(1, |wanted|); NaN agrees with NaN. */
export function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, what: string): void {
  expect(got.length, `${what}: length`).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const a = got[i]!;
    const b = wanted[i]!;
    if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (!(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)))) {
      expect.fail(`${what}: element ${i} of ${wanted.length} is ${a}, expected ${b} to within ${tolerance}`);
    }
  }
}

function checkGradients<A>(check: OpCheck<A>, testCase: Case<A>): void {
  const values = inputsOf(check, testCase, "float64");
  const wanted = gradientInputs(check, testCase);
  const result = check.reference(values, testCase.attrs);
  const next = random(`weights of ${check.op} ${testCase.name}`);
  const weights: Nd = { shape: result.shape, data: draw("normal", result.shape, next) };
  const slopes = new Map(wanted.map((i) => [i, differences(check, testCase, values, weights, i, next)]));

  for (const dtype of ["float64", "float32"] as const) {
    const tolerance = dtype === "float64" ? DIFFERENCE_TOLERANCE : GRADIENT_TOLERANCE_FLOAT32;
    for (const [name, layout] of Object.entries(layouts)) {
      const used = layOut(layout, values, testCase, dtype);
      if (used === null) continue;
      for (const i of wanted) used[i]!.base.requiresGrad = true;
      const output = check.run(
        used.map(({ base, look }) => look(base)),
        testCase.attrs,
      );
      const seed = (layout(weights, output.dtype) ?? contiguous(weights, output.dtype)).view;
      output.backward(seed);
      for (const i of wanted) {
        const { base, look } = used[i]!;
        expect(base.grad, `input ${i} has a gradient, ${name}`).not.toBeNull();
        const gradient = look(base.grad!).dataSync();
        for (const [at, slope] of slopes.get(i)!) {
          expectClose([gradient[at]!], [slope], tolerance, `${dtype} gradient of input ${i} at ${at}, ${name}`);
        }
      }
    }
  }
}

function gradientInputs<A>(check: OpCheck<A>, { inputs }: Case<A>): number[] {
  const listed = check.gradient === "none" ? [] : (check.gradient ?? inputs.map((_, i) => i));
  return listed.filter((i) => i < inputs.length);
}

/** The slope of sum(weights * result) along elements of input `i`, measured on the reference. */
function differences<A>(
  check: OpCheck<A>,
  testCase: Case<A>,
  values: readonly Nd[],
  weights: Nd,
  i: number,
  next: () => number,
): Map<number, number> {
  const { shape, data } = values[i]!;
  const at = (place: number, shift: number): number => {
    const moved = new Float64Array(data);
    moved[place]! += shift;
    const inputs = values.map((value, j) => (j === i ? { shape, data: moved } : value));
    const result = check.reference(inputs, testCase.attrs);
    let sum = 0;
    for (let k = 0; k < result.data.length; k++) sum += result.data[k]! * weights.data[k]!;
    return sum;
  };
  const places =
    data.length <= DIFFERENCES
      ? Array.from(data.keys())
      : Array.from({ length: DIFFERENCES }, () => Math.floor(next() * data.length));
  return new Map(places.map((p) => [p, (at(p, DIFFERENCE_STEP) - at(p, -DIFFERENCE_STEP)) / (2 * DIFFERENCE_STEP)]));
}
