/** Calls of ops with arguments that are mostly wrong: valid ones from the fixtures, changed at random. */
import { NativeError, NablaError, Tensor, permute, slice, tensor, type DType } from "nabla";
import { functions } from "./fixture-args.js";
import { readFixtures, toNumbers, type FixtureTensor } from "../fixtures/torch/fixtures.js";
import { DTYPES } from "../../src/ts/dtype.js";
import { random } from "./values.js";

/** Functions that are no ops: they run functions, change settings, or are composed for a fixture. */
const OTHERS = new Set([
  "checkGradients",
  "customGrad",
  "detectAnomaly",
  "devices",
  "grad",
  "keep",
  "loadModel",
  "matmulOfBFloat16",
  "memory",
  "noGrad",
  "setSeed",
  "tidy",
  "valueAndGrad",
  "withDevice",
]);

export const opNames = Object.keys(functions)
  .filter((name) => typeof functions[name] === "function" && /^[a-z]/.test(name) && !OTHERS.has(name))
  .sort();

interface Seed {
  readonly op: string;
  readonly inputs: readonly FixtureTensor[];
  readonly args: readonly unknown[];
}

const SIZES = [0, 1, 1, 2, 3, 5, 7, 17];
const NUMBERS = [0, 1, -1, 2, 3, -2, 7, 0.5, NaN, Infinity, -Infinity, 2 ** 31, 1e9, -(2 ** 53), -0];
const JUNK = [
  null,
  undefined,
  "",
  "same",
  "float32",
  {},
  [],
  true,
  false,
  () => 1,
  3n,
  new Date(0),
  new Float32Array(3),
];

export interface Outcome {
  readonly op: string;
  /** How the call reads in a message. */
  readonly text: string;
  /** What it gave, or the error. */
  readonly results: readonly Tensor[];
  readonly error: unknown;
}

export class Fuzzer {
  private readonly next: () => number;
  private readonly seeds: readonly Seed[];

  constructor(seed: string) {
    this.next = random(seed);
    const all = [...readFixtures().values()].flatMap(({ cases }) => cases);
    const fixtures = all.filter(({ op }) => opNames.includes(op));
    const rest = opNames.filter((name) => !fixtures.some(({ op }) => op === name));
    // An op without a fixture gets arguments out of nowhere, as often as one with ten cases.
    const bare = rest.flatMap((op) => Array.from({ length: 10 }, () => ({ op, inputs: [], args: [1, [2, 3], {}] })));
    this.seeds = [...fixtures, ...bare];
  }

  /** One call, of which nothing is known but that it must give something or throw an error of nabla's. */
  call(): Outcome {
    const { op, inputs, args } = this.pick(this.seeds);
    const made = inputs.map((input) => (this.chance(0.7) ? fixed(input) : this.tensor()));
    const changed = this.args(args, made, this.chance(0.15) ? 0 : 0.25);
    const text = `${op}(${changed.map((arg) => show(arg)).join(", ")})`;
    try {
      return { op, text, results: tensorsIn(functions[op]!(...changed)), error: undefined };
    } catch (error) {
      return { op, text, results: [], error };
    }
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  private pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)]!;
  }

  private args(args: readonly unknown[], inputs: readonly Tensor[], wild: number): unknown[] {
    const changed = args.map((arg) => this.arg(arg, inputs, wild));
    if (this.chance(wild * 0.2)) changed.pop();
    if (this.chance(wild * 0.2)) changed.push(this.value());
    return changed;
  }

  private arg(arg: unknown, inputs: readonly Tensor[], wild: number): unknown {
    if (this.chance(wild * 0.4)) return this.value();
    if (Array.isArray(arg)) return this.args(arg, inputs, wild);
    if (typeof arg === "number" && this.chance(wild)) return this.pick(NUMBERS);
    if (typeof arg !== "object" || arg === null) return arg;
    if ("input" in arg) return inputs[arg.input as number];
    const entries = Object.entries(arg).filter(() => !this.chance(wild * 0.3));
    if (this.chance(wild * 0.1)) entries.push(["unknown", 1]);
    return Object.fromEntries(entries.map(([name, value]) => [name, this.arg(value, inputs, wild)]));
  }

  private value(): unknown {
    const kind = this.next();
    if (kind < 0.4) return this.tensor();
    if (kind < 0.65) return this.pick(NUMBERS);
    if (kind < 0.8) return Array.from({ length: this.pick(SIZES) }, () => this.pick(NUMBERS));
    return this.pick(JUNK);
  }

  /** Of any shape, dtype and layout; some cannot be used any more. */
  private tensor(): Tensor {
    const shape = Array.from({ length: Math.floor(this.next() * 6) }, () => this.pick(SIZES));
    const dtype = this.pick(DTYPES) as DType;
    const size = shape.reduce((product, n) => product * n, 1);
    const data = Float64Array.from({ length: size }, () => Math.floor(this.next() * 9) - (dtype === "uint8" ? 0 : 3));
    if (size > 0 && dtype.startsWith("float") && this.chance(0.1)) data[0] = this.pick([NaN, Infinity, -Infinity]);
    const differentiable = (dtype === "float32" || dtype === "float64") && this.chance(0.5);
    let made: Tensor = tensor(data, { shape, dtype, requiresGrad: differentiable });
    const layout = this.next();
    if (layout < 0.15) made = permute(made, shape.map((_, i) => i).reverse());
    else if (layout < 0.3)
      made = slice(
        made,
        shape.map(() => [null, null, this.pick([-1, 2, 1])] as const),
      );
    else if (layout < 0.35) made = made.broadcastTo([2, ...shape]);
    else if (layout < 0.38) made.dispose();
    return made;
  }
}

function fixed({ shape, dtype, data }: FixtureTensor): Tensor {
  return tensor(toNumbers(data), { shape, dtype, requiresGrad: dtype === "float32" });
}

/** Whether it is one of the errors that users are to see; NativeError says that a check is missing in TypeScript. */
export function isTyped(error: unknown): boolean {
  return error instanceof NablaError && !(error instanceof NativeError);
}

function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(tensorsIn);
  return [];
}

function show(value: unknown): string {
  if (value instanceof Tensor) {
    return `${value.dtype}[${value.shape.join()}]${value.strides ? " view" : ""}${value.disposed ? " disposed" : ""}`;
  }
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return `{ ${Object.entries(value)
      .map(([name, item]) => `${name}: ${show(item)}`)
      .join(", ")} }`;
  }
  return typeof value === "bigint" ? `${value}n` : typeof value === "string" ? `"${value}"` : String(value);
}
