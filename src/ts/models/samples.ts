import { ArgumentError, describe } from "../errors.js";
import { permutation } from "../data/permutation.js";
import type { Device } from "../device.js";
import { tensor, type TensorData } from "../ops/creation.js";
import { gather } from "../ops/gather.js";
import { slice } from "../ops/slice.js";
import { to } from "../ops/to.js";
import { takeRandom } from "../random.js";
import type { Stream } from "../stream.js";
import { unknownName } from "../suggest.js";
import { Tensor } from "../tensor.js";

/** Samples or targets: a tensor, nested arrays or a typed array. The first axis counts the samples. */
export type ModelInput = Tensor | TensorData;

/** Samples or targets for a model of several inputs or outputs: in their order, or by their names. */
export type ModelInputs = ModelInput | readonly ModelInput[] | Readonly<Record<string, ModelInput>>;

/** What a model says of its inputs and outputs. */
export interface Signature {
  readonly name: string;
  /** Null when only a call can tell. */
  readonly inputNames: readonly string[] | null;
  readonly outputNames: readonly string[] | null;
  /** Of the device that it computes on. */
  readonly ownStream: Stream;
  /** Named inputs in the order of the model's. */
  arrangeInputs<T>(op: string, named: Readonly<Record<string, T>>): readonly T[];
}

/** Whether a value has an entry for each name: an object that is neither a tensor nor an array. */
export function isNamed<T>(value: unknown): value is Readonly<Record<string, T>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** @throws ArgumentError unless the entries of `named` are those of `names`. */
export function inOrder<T>(
  op: string,
  kind: "input" | "output",
  named: Readonly<Record<string, T>>,
  names: readonly string[] | null,
): readonly T[] {
  if (names === null) throw new ArgumentError(`${op}: the model's ${kind}s have no names: expected a list of them`);
  for (const name of Object.keys(named)) if (!names.includes(name)) throw unknownName(op, kind, name, names);
  return names.map((name) => {
    if (Object.hasOwn(named, name)) return named[name]!;
    throw new ArgumentError(`${op}: the ${kind} ${name} is missing: ${Object.keys(named).join(", ")} given`);
  });
}

/** An order of samples: their places, on every device that they are on. */
export class Order {
  private readonly copies: readonly Tensor[];

  constructor(places: Int32Array, devices: Iterable<Device>) {
    this.copies = Array.from(devices, (device) => tensor(places, { device }));
  }

  /** Those of a batch. */
  places(device: Device, start: number, end: number): Tensor {
    const all = this.copies.find((copy) => copy.device === device)!;
    return all.alias([end - start], [1], start);
  }

  dispose(): void {
    for (const copy of this.copies) copy.dispose();
  }
}

/**
 * Samples, with their targets when there are any. Those given as arrays are on the model's device; tensors stay where they
 * are, and their batches are moved to it one by one.
 */
export class SampleSet {
  /** One tensor for each input of the model. */
  readonly x: readonly Tensor[];
  /** One tensor for each output of the model. */
  readonly y: readonly Tensor[] | null;
  /** What the samples count in the loss of each output. */
  readonly weights: readonly Tensor[] | null;
  private readonly device: Device;
  /** Tensors that were made of arrays, or are views: they go with the set. */
  private readonly owned: Tensor[] = [];

  /** @throws ArgumentError when there are no samples, or not as many targets or weights as samples. */
  constructor(op: string, model: Signature, x: ModelInputs, y: ModelInputs | null, weights: ModelInputs | null = null) {
    this.device = model.ownStream.device;
    const inputs = isNamed<ModelInput>(x) ? model.arrangeInputs(op, x) : toList(x, model.inputNames);
    this.x = inputs.map((input, i) => this.convert(op, nameOf("x", inputs, model.inputNames, i), input));
    this.y = y === null ? null : this.convertPerOutput(op, "y", model, y);
    this.weights = weights === null ? null : this.weightPerOutput(op, model, weights);
    this.checkLengths(op, model);
  }

  get length(): number {
    return this.x[0]!.shape[0]!;
  }

  /** The samples from `start` to before `end`; they stay valid while this set is. */
  part(op: string, model: Signature, start: number, end: number): SampleSet {
    const rows = (from: Tensor): Tensor => {
      const view = slice(from, [[start, end]]);
      this.owned.push(view);
      return view;
    };
    return new SampleSet(
      op,
      model,
      this.x.map(rows),
      this.y && this.y.map(rows),
      this.weights && this.weights.map(rows),
    );
  }

  /** One batch, to be disposed of by the caller: the samples from `start` on, or those that `order` has there. */
  batch(start: number, size: number, order: Order | null): Batch {
    const end = Math.min(start + size, this.length);
    const take = (from: Tensor): Tensor => {
      const rows = order ? gather(from, order.places(from.device, start, end)) : slice(from, [[start, end]]);
      return from.device === this.device ? rows : to(rows, this.device);
    };
    const x = this.x.map(take);
    const weights = this.weights && this.weights.map(take);
    return { x: x.length === 1 ? x[0]! : x, y: this.y ? this.y.map(take) : [], weights, size: end - start };
  }

  /** A random order of the samples, drawn from the seeded generator. */
  async shuffled(): Promise<Order> {
    const { seed, counter } = takeRandom(this.length);
    const devices = new Set([...this.x, ...(this.y ?? []), ...(this.weights ?? [])].map(({ device }) => device));
    return new Order(await permutation(this.length, seed, counter), devices);
  }

  dispose(): void {
    for (const owned of this.owned) owned.dispose();
  }

  private checkLengths(op: string, model: Signature): void {
    const lengths = this.x.map(({ shape }) => shape[0]!);
    if (lengths.some((length) => length !== lengths[0])) {
      throw new ArgumentError(`${op}: the inputs have different lengths: ${lengths.join(", ")} samples`);
    }
    for (const [side, tensors] of [
      ["y", this.y ?? []],
      ["sampleWeight", this.weights ?? []],
    ] as const) {
      const other = tensors.findIndex(({ shape }) => shape[0] !== lengths[0]);
      if (other < 0) continue;
      const name = nameOf(side, tensors, model.outputNames, other);
      throw new ArgumentError(
        `${op}: x and ${side} have different lengths: x has ${lengths[0]} samples, ${name} has ${tensors[other]!.shape[0]}`,
      );
    }
    if (this.length === 0) {
      throw new ArgumentError(`${op}: there are no samples: the shape of x is [${this.x[0]!.shape.join(",")}]`);
    }
  }

  private convertPerOutput(op: string, side: "y" | "sampleWeight", model: Signature, value: ModelInputs): Tensor[] {
    const names = model.outputNames;
    const values = isNamed<ModelInput>(value) ? inOrder(op, "output", value, names) : toList(value, names);
    return values.map((each, i) => this.convert(op, nameOf(side, values, names, i), each));
  }

  /** One tensor of weights counts for all outputs. @throws ArgumentError for another number of them. */
  private weightPerOutput(op: string, model: Signature, value: ModelInputs): readonly Tensor[] {
    const outputs = this.y?.length ?? 0;
    const isOne = value instanceof Tensor || ArrayBuffer.isView(value) || (Array.isArray(value) && isNumbers(value));
    const given = isOne
      ? [this.convert(op, "sampleWeight", value as ModelInput)]
      : this.convertPerOutput(op, "sampleWeight", model, value);
    if (given.length === outputs) return given;
    if (given.length === 1) return new Array<Tensor>(outputs).fill(given[0]!);
    throw new ArgumentError(
      `${op}: the number of sample weights differs: ${given.length} given, ${model.name} has ${outputs} outputs`,
    );
  }

  private convert(op: string, name: string, value: ModelInput): Tensor {
    let result: Tensor;
    if (value instanceof Tensor) {
      value.check(op);
      result = value;
    } else {
      if (typeof value !== "object" || value === null) {
        throw new ArgumentError(`${op}: ${name} is wrong: ${describe(value)}, expected a tensor or arrays of numbers`);
      }
      result = tensor(value, { device: this.device });
      this.owned.push(result);
    }
    if (result.rank === 0) throw new ArgumentError(`${op}: ${name} has no axis that counts samples: its shape is []`);
    return result;
  }
}

/** Samples of one step; the only tensor of `x` stands for itself. */
export interface Batch {
  readonly x: Tensor | readonly Tensor[];
  readonly y: readonly Tensor[];
  /** For each of `y`; null when all samples count alike. */
  readonly weights: readonly Tensor[] | null;
  readonly size: number;
}

function isNumbers(value: readonly unknown[]): boolean {
  return value.every((each) => typeof each === "number");
}

/** An array is a list of inputs if the model has several, or if tensors are in it; otherwise it holds the numbers of one. */
function toList(value: ModelInput | readonly ModelInput[], names: readonly string[] | null): readonly ModelInput[] {
  const isList = Array.isArray(value) && ((names?.length ?? 1) > 1 || value.some((each) => each instanceof Tensor));
  return isList ? (value as readonly ModelInput[]) : [value as ModelInput];
}

function nameOf(
  side: "x" | "y" | "sampleWeight",
  all: readonly unknown[],
  names: readonly string[] | null,
  place: number,
): string {
  return all.length === 1 ? side : (names?.[place] ?? `${side}[${place}]`);
}
