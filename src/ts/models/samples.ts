import { ArgumentError, describe } from "../errors.js";
import { permutation } from "../data/permutation.js";
import { tensor, type TensorData } from "../ops/creation.js";
import { gather } from "../ops/gather.js";
import { slice } from "../ops/slice.js";
import { takeRandom } from "../random.js";
import { Tensor } from "../tensor.js";

/** Samples or targets: a tensor, nested arrays or a typed array. The first axis counts the samples. */
export type ModelInput = Tensor | TensorData;

/** Samples, with their targets when there are any. */
export class SampleSet {
  readonly x: Tensor;
  readonly y: Tensor | null;
  /** Tensors that were made of arrays, or are views: they go with the set. */
  private readonly owned: Tensor[] = [];

  /** @throws ArgumentError when there are no samples, or not as many targets as samples. */
  constructor(op: string, x: ModelInput, y: ModelInput | null) {
    this.x = this.convert(op, "x", x);
    this.y = y === null ? null : this.convert(op, "y", y);
    if (this.y !== null && this.y.shape[0] !== this.x.shape[0]) {
      throw new ArgumentError(
        `${op}: x and y have different lengths: x has ${this.x.shape[0]} samples, y has ${this.y.shape[0]}`,
      );
    }
    if (this.length === 0)
      throw new ArgumentError(`${op}: there are no samples: the shape of x is [${this.x.shape.join(",")}]`);
  }

  get length(): number {
    return this.x.shape[0]!;
  }

  /** The samples from `start` to before `end`; they stay valid while this set is. */
  part(op: string, start: number, end: number): SampleSet {
    const rows = (from: Tensor): Tensor => {
      const view = slice(from, [[start, end]]);
      this.owned.push(view);
      return view;
    };
    return new SampleSet(op, rows(this.x), this.y && rows(this.y));
  }

  /** One batch, to be disposed of by the caller: the samples from `start` on, or those that `order` has there. */
  batch(start: number, size: number, order: Tensor | null): { x: Tensor; y: Tensor | null; size: number } {
    const end = Math.min(start + size, this.length);
    const places = order && order.alias([end - start], [1], start);
    const take = (from: Tensor): Tensor => (places ? gather(from, places) : slice(from, [[start, end]]));
    return { x: take(this.x), y: this.y && take(this.y), size: end - start };
  }

  /** A random order of the samples, drawn from the seeded generator. */
  async shuffled(): Promise<Tensor> {
    const { seed, counter } = takeRandom(this.length);
    return tensor(await permutation(this.length, seed, counter));
  }

  dispose(): void {
    for (const owned of this.owned) owned.dispose();
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
      result = tensor(value);
      this.owned.push(result);
    }
    if (result.rank === 0) throw new ArgumentError(`${op}: ${name} has no axis that counts samples: its shape is []`);
    return result;
  }
}
