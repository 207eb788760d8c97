import { ArgumentError, DTypeError } from "../errors.js";
import { isFloating, type DType } from "../dtype.js";
import { tidy } from "../memory.js";
import { defineOp, type Op } from "../op.js";
import { takeRandom } from "../random.js";
import { checkShape, sizeOf, type RankOf, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { checkInteger } from "./arguments.js";
import { add } from "./binary.js";
import { cast } from "./cast.js";
import { checkCreation, checkDifferentiable, withGradient, type CreationOptions } from "./creation.js";

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
 * Random numbers, all of [low, high) equally likely; float32 unless a dtype is given. `setSeed` makes them
 * repeatable.
 *
 * @throws ArgumentError for bounds that are crossed or not finite. @throws DTypeError for an integer dtype.
 */
export function rand<D extends DType = "float32", const S extends Shape = Shape>(
  shape: S,
  options: RandOptions<D> = {},
): Tensor<D, RankOf<S>> {
  const { low = 0, high = 1 } = options;
  const attrs = check("rand", shape, options, { low, high });
  if (low > high) throw new ArgumentError(`rand: the bounds are crossed: low is ${low}, high is ${high}`);
  return withGradient(uniform([], attrs)[0]! as Tensor<D, RankOf<S>>, options);
}

/**
 * Random numbers of a normal distribution, otherwise like {@link rand}.
 *
 * @throws ArgumentError for a negative deviation. @throws DTypeError for an integer dtype.
 */
export function randn<D extends DType = "float32", const S extends Shape = Shape>(
  shape: S,
  options: RandnOptions<D> = {},
): Tensor<D, RankOf<S>> {
  return withGradient(normal([], checkNormal("randn", shape, options))[0]! as Tensor<D, RankOf<S>>, options);
}

/** Like {@link randn}, but cut off at two deviations from the mean. */
export function truncatedNormal<D extends DType = "float32", const S extends Shape = Shape>(
  shape: S,
  options: RandnOptions<D> = {},
): Tensor<D, RankOf<S>> {
  return withGradient(
    truncated([], checkNormal("truncatedNormal", shape, options))[0]! as Tensor<D, RankOf<S>>,
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
    const numbers = uniform([], { shape: checked, dtype: "float64", parameters })[0]!;
    const whole = cast(numbers, "int32"); // cut off, and the numbers are not negative: rounded down
    return cast(add(whole, low), dtype);
  });
  return withGradient(made as Tensor<D, RankOf<S>>, options);
}

function checkNormal(op: string, shape: Shape, options: RandnOptions): Attributes {
  const { mean = 0, deviation = 1 } = options;
  const attrs = check(op, shape, options, { mean, deviation });
  if (deviation < 0) throw new ArgumentError(`${op}: the deviation is negative: ${deviation}, expected 0 or more`);
  return attrs;
}

function check(op: string, shape: Shape, options: CreationOptions, parameters: Record<string, unknown>): Attributes {
  const dtype =
    checkCreation(op, options, ["dtype", "device", "requiresGrad", ...Object.keys(parameters)]) ?? "float32";
  if (!isFloating(dtype)) throw new DTypeError(`${op}: random numbers are floating-point: the dtype is ${dtype}`);
  for (const [name, value] of Object.entries(parameters)) {
    if (!Number.isFinite(value)) {
      throw new ArgumentError(`${op}: ${name} is not a finite number: ${String(value)}, expected a number`);
    }
  }
  return { shape: checkShape(op, shape), dtype, parameters: Object.values(parameters) as [number, number] };
}
