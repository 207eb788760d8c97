import { deviceStream, type Device } from "../device.js";
import { permutationSync } from "../data/permutation.js";
import { ArgumentError, DTypeError, describe } from "../errors.js";
import { isFloating, isHalf, type DType } from "../dtype.js";
import { tidy } from "../memory.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { takeRandom } from "../random.js";
import { checkShape, normalizeAxis, sizeOf, type RankOf, type Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkInteger } from "./arguments.js";
import { add } from "./binary.js";
import { cast } from "./cast.js";
import { less } from "./compare.js";
import {
  checkCreation,
  checkDifferentiable,
  streamFor,
  tensor,
  withGradient,
  type CreationOptions,
} from "./creation.js";
import { gather } from "./gather.js";
import { checkOptions } from "../checks.js";

export interface RandOptions<D extends DType = DType> extends CreationOptions<D> {
  /** The least value. 0 by default. */
  low?: number;
  /** The values are below this. 1 by default. */
  high?: number;
}

export interface RandnOptions<D extends DType = DType> extends CreationOptions<D> {
  /** 0 by default. */
  mean?: number;
  /** The standard deviation; for the truncated normal, that of the normal before it is cut. 1 by default. */
  deviation?: number;
}

export interface RandintOptions<D extends DType = DType> extends CreationOptions<D> {
  /** The least value. 0 by default. */
  low?: number;
  /** The values are below this. */
  high: number;
}

export interface BernoulliOptions<D extends DType = DType> extends CreationOptions<D> {
  /** How likely a 1 is, from 0 to 1. 0.5 by default. */
  probability?: number;
}

export interface PermutationOptions {
  /** Where the elements are: "cpu" or "cuda"; by default the device of {@link withDevice}, or that of the environment. */
  device?: Device;
}

export interface ShuffleOptions {
  /** The axis whose slices change places. 0 by default. */
  axis?: number;
}

interface Attributes {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly parameters: readonly [number, number];
}

function defineRandom(kernel: string): Op<Attributes> {
  return defineOp<Attributes>({
    name: kernel,
    infer: (_, { shape, dtype }) => [{ shape, dtype }],
    encode: ({ shape, parameters }) => {
      const { seed, counter } = takeRandom(sizeOf(shape));
      return [seed, counter, ...parameters];
    },
    backward: null,
  });
}

const uniform = defineRandom("randomUniform");
const normal = defineRandom("randomNormal");
const truncated = defineRandom("randomTruncatedNormal");

/**
 * Random numbers, all of [low, high) equally likely; float32 unless a dtype is given. {@link setSeed} makes them
 * repeatable.
 *
 * @throws ArgumentError for bounds that are crossed or not finite. @throws DTypeError for any dtype but float32 and float64.
 */
export function rand<D extends DType = "float32", const S extends Shape = Shape>(
  shape: S,
  options: RandOptions<D> = {},
): Tensor<D, RankOf<S>> {
  const attrs = check("rand", shape, options, { low: 0, high: 1 });
  const [low, high] = attrs.parameters;
  if (low > high) throw new ArgumentError(`rand: the bounds are crossed: low is ${low}, high is ${high}`);
  return withGradient(uniform([], attrs, streamFor(options))[0]! as Tensor<D, RankOf<S>>, options);
}

/**
 * Random numbers of a normal distribution, otherwise like {@link rand}.
 *
 * @throws ArgumentError for a negative deviation. @throws DTypeError for any dtype but float32 and float64.
 */
export function randn<D extends DType = "float32", const S extends Shape = Shape>(
  shape: S,
  options: RandnOptions<D> = {},
): Tensor<D, RankOf<S>> {
  return withGradient(
    normal([], checkNormal("randn", shape, options), streamFor(options))[0]! as Tensor<D, RankOf<S>>,
    options,
  );
}

/** Like {@link randn}, but cut off at two deviations from the mean. */
export function truncatedNormal<D extends DType = "float32", const S extends Shape = Shape>(
  shape: S,
  options: RandnOptions<D> = {},
): Tensor<D, RankOf<S>> {
  return withGradient(
    truncated([], checkNormal("truncatedNormal", shape, options), streamFor(options))[0]! as Tensor<D, RankOf<S>>,
    options,
  );
}

// The generator gives 24 bits for each number.
const MOST_INTEGERS = 2 ** 24;

/**
 * Random integers, all of low … high - 1 equally likely (to one part in 2^24 / (high - low)); int32 unless a dtype is
 * given.
 *
 * @throws ArgumentError for bounds that are no integers, that are crossed or more than 2^24 apart.
 */
export function randint<D extends DType = "int32", const S extends Shape = Shape>(
  shape: S,
  options: RandintOptions<D>,
): Tensor<D, RankOf<S>> {
  const dtype = checkCreation("randint", options, ["low", "high", "dtype", "device", "requiresGrad"]) ?? "int32";
  checkDifferentiable("randint", dtype, options);
  const low = checkInteger("randint", "low", options.low ?? 0);
  const high = checkInteger("randint", "high", options.high);
  if (high <= low || high - low > MOST_INTEGERS) {
    throw new ArgumentError(
      `randint: the bounds do not fit: low is ${low}, high is ${high}, expected low < high, at most 2^24 apart`,
    );
  }
  const parameters = [0, high - low] as const;
  const checked = checkShape("randint", shape);
  const made = tidy(() => {
    const numbers = uniform([], { shape: checked, dtype: "float64", parameters }, streamFor(options))[0]!;
    const whole = cast(numbers, "int32"); // cut off, and the numbers are not negative: rounded down
    return cast(add(whole, low), dtype);
  });
  return withGradient(made as Tensor<D, RankOf<S>>, options);
}

/**
 * Ones with the given probability (to one part in 2^24), zeros otherwise; float32 unless a dtype is given.
 *
 * @throws ArgumentError for a probability outside 0 to 1.
 */
export function bernoulli<D extends DType = "float32", const S extends Shape = Shape>(
  shape: S,
  options: BernoulliOptions<D> = {},
): Tensor<D, RankOf<S>> {
  const dtype = checkCreation("bernoulli", options, ["probability", "dtype", "device", "requiresGrad"]) ?? "float32";
  checkDifferentiable("bernoulli", dtype, options);
  const { probability = 0.5 } = options;
  if (typeof probability !== "number" || !(probability >= 0 && probability <= 1)) {
    throw new ArgumentError(`bernoulli: not a probability: ${describe(probability)}, expected a number from 0 to 1`);
  }
  const checked = checkShape("bernoulli", shape);
  const made = tidy(() => {
    const numbers = uniform([], { shape: checked, dtype: "float64", parameters: [0, 1] }, streamFor(options))[0]!;
    return cast(less(numbers, probability), dtype);
  });
  return withGradient(made as Tensor<D, RankOf<S>>, options);
}

/**
 * The integers 0 … count - 1 in random order, all orders equally likely: int32 of [count]. Drawn on the calling thread,
 * before the call returns.
 *
 * @throws ArgumentError unless `count` is an integer of 0 or more. @throws OutOfMemoryError when it is too large.
 */
export function permutation(count: number, options: PermutationOptions = {}): Tensor<"int32", 1> {
  checkOptions("permutation", options, ["device"]);
  const stream = deviceStream("permutation", options.device);
  checkShape("permutation", [checkInteger("permutation", "count", count, 0)]);
  stream.checkFits("permutation", "int32", count);
  const { seed, counter } = takeRandom(count);
  return tensor(permutationSync(count, seed, counter), { device: stream.device });
}

/**
 * A copy of `x` with the slices of an axis in random order ({@link permutation}); each stays as it is. The gradient goes
 * back to where the slices came from.
 *
 * @throws ArgumentError for an axis that does not exist.
 */
export function shuffle<D extends DType, R extends number>(
  x: Tensor<D, R>,
  options: ShuffleOptions = {},
): Tensor<D, R> {
  checkTensor("shuffle", x);
  checkOptions("shuffle", options, ["axis"]);
  const axis = normalizeAxis("shuffle", options.axis ?? 0, x.rank);
  const order = permutation(x.shape[axis]!, { device: x.device });
  const result = gather(x, order, axis);
  order.dispose();
  return result as Tensor as Tensor<D, R>;
}

function checkNormal(op: string, shape: Shape, options: RandnOptions): Attributes {
  const attrs = check(op, shape, options, { mean: 0, deviation: 1 });
  const [, deviation] = attrs.parameters;
  if (deviation < 0) throw new ArgumentError(`${op}: the deviation is negative: ${deviation}, expected 0 or more`);
  return attrs;
}

/** `defaults` has the two parameters of the distribution. */
function check(op: string, shape: Shape, options: CreationOptions, defaults: Record<string, number>): Attributes {
  const names = Object.keys(defaults);
  const dtype = checkCreation(op, options, ["dtype", "device", "requiresGrad", ...names]) ?? "float32";
  if (isHalf(dtype)) throw new DTypeError(`${op}: no arithmetic in ${dtype}: make float32 numbers and cast them`);
  if (!isFloating(dtype)) throw new DTypeError(`${op}: random numbers are floating-point: the dtype is ${dtype}`);
  const given = options as Readonly<Record<string, unknown>>;
  const parameters = names.map((name) => {
    const value = given[name] === undefined ? defaults[name] : given[name];
    if (Number.isFinite(value)) return value as number;
    throw new ArgumentError(`${op}: ${name} is not a finite number: ${String(value)}, expected a number`);
  });
  return { shape: checkShape(op, shape), dtype, parameters: parameters as [number, number] };
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link shuffle}. */
    shuffle(options?: ShuffleOptions): Tensor<D, R>;
  }
}
addMethod("shuffle", shuffle);
