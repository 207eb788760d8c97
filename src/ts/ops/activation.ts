import { checkBoolean, checkFinite, checkOptions } from "../checks.js";
import { isFloating, type DType, type FloatOf } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import type { Saved } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { add, mul, sub } from "./binary.js";
import { cast } from "./cast.js";
import { greater } from "./compare.js";
import { exp, sigmoid, square } from "./unary.js";
import { where } from "./where.js";

interface Attributes<A> {
  /** The kernel, where it is another op's. */
  readonly kernel?: string;
  encode?(attrs: A): readonly number[];
}

const SAVE_X: Saved = { inputs: [1] };
const SAVE_BOTH: Saved = { inputs: [0, 1] };

/** dy, x -> dx. `curvature` is the activation's second derivative at x, null where it is 0. */
function defineGradient<A>(
  name: string,
  { kernel, encode }: Attributes<A>,
  curvature: ((x: Tensor, attrs: A) => Tensor) | null,
): Op<A> {
  const op: Op<A> = defineOp<A>({
    name,
    kernel: kernel ?? name,
    infer: ([, x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    ...(encode && { encode }),
    save: (_, needs) => (needs[1] && curvature ? SAVE_BOTH : SAVE_X),
    backward: ({ grads, inputs, needs, attrs }) => {
      const g = grads[0]!;
      const [dy, x] = inputs as [Tensor, Tensor];
      return [
        needs[0] ? op([g, x], attrs)[0]! : null,
        needs[1] && curvature ? mul(mul(g, dy), curvature(x, attrs)) : null,
      ];
    },
  });
  return op;
}

/** The function of a tensor; integers become float32. */
function defineActivation<A>(
  name: string,
  { kernel, encode }: Attributes<A>,
  gradient: Op<A>,
): (x: Tensor, attrs: A) => Tensor {
  const op = defineOp<A>({
    name,
    kernel: kernel ?? name,
    infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    ...(encode && { encode }),
    save: { inputs: [0] },
    backward: ({ grads, inputs, attrs }) => [gradient([grads[0]!, inputs[0]!], attrs)[0]!],
  });
  return (x, attrs) => {
    checkTensor(name, x);
    if (isFloating(x.dtype)) return op([x], attrs)[0]!;
    const converted = cast(x, "float32");
    const result = op([converted], attrs)[0]!;
    converted.dispose();
    return result;
  };
}

/** What the kernel `elu` takes: the slope above 0, and the factor of exp(x) - 1 below. */
interface Slopes {
  readonly positive: number;
  readonly negative: number;
}
const encodeSlopes = ({ positive, negative }: Slopes): readonly number[] => [positive, negative];
const eluCurvature = (x: Tensor, { negative }: Slopes): Tensor => where(greater(x, 0), 0, mul(exp(x), negative));

// Klambauer et al., "Self-Normalizing Neural Networks", 2017.
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;
const SELU: Slopes = { positive: SELU_SCALE, negative: SELU_SCALE * SELU_ALPHA };

interface GeluAttributes {
  readonly approximate: boolean;
}

const INVERSE_SQRT_2PI = 0.3989422804014327;
const GELU_LINEAR = 1.5957691216057308; // 2 sqrt(2/pi)
const GELU_CUBIC = 0.044715 * GELU_LINEAR;

function geluCurvature(x: Tensor, { approximate }: GeluAttributes): Tensor {
  const x2 = square(x);
  if (!approximate) return mul(mul(exp(mul(x2, -0.5)), INVERSE_SQRT_2PI), sub(2, x2));
  // x s(v) with v = LINEAR x + CUBIC x^3: the second derivative is s' (2 v' + x (v'' + (1 - 2s) v'^2)).
  const s = sigmoid(mul(x, add(mul(x2, GELU_CUBIC), GELU_LINEAR)));
  const slope = add(mul(x2, 3 * GELU_CUBIC), GELU_LINEAR);
  const bend = add(mul(x, 6 * GELU_CUBIC), mul(sub(1, mul(s, 2)), square(slope)));
  return mul(mul(s, sub(1, s)), add(mul(slope, 2), mul(x, bend)));
}

function siluCurvature(x: Tensor): Tensor {
  const s = sigmoid(x);
  return mul(mul(s, sub(1, s)), add(mul(x, sub(1, mul(s, 2))), 2));
}

function softplusCurvature(x: Tensor): Tensor {
  const s = sigmoid(x);
  return mul(s, sub(1, s));
}

const leakyAttributes: Attributes<number> = { encode: (negativeSlope) => [negativeSlope] };
const leakyReluOp = defineActivation(
  "leakyRelu",
  leakyAttributes,
  defineGradient("leakyReluGrad", leakyAttributes, null),
);
const eluOp = defineActivation(
  "elu",
  { encode: encodeSlopes },
  defineGradient("eluGrad", { encode: encodeSlopes }, eluCurvature),
);
const seluOp = defineActivation(
  "selu",
  { kernel: "elu", encode: encodeSlopes },
  defineGradient("seluGrad", { kernel: "eluGrad", encode: encodeSlopes }, eluCurvature),
);
const siluOp = defineActivation<undefined>("silu", {}, defineGradient("siluGrad", {}, siluCurvature));
const geluAttributes: Attributes<GeluAttributes> = { encode: ({ approximate }) => [Number(approximate)] };
const geluGradOp = defineGradient("geluGrad", geluAttributes, geluCurvature);
const geluOp = defineActivation("gelu", geluAttributes, geluGradOp);

/** @internal The gradient before gelu, from the gradient after it and gelu's argument: dy, z -> dz. */
export function geluGrad(dy: Tensor, z: Tensor): Tensor {
  return geluGradOp([dy, z], { approximate: false })[0]!;
}
const softplusOp = defineActivation<undefined>("softplus", {}, defineGradient("softplusGrad", {}, softplusCurvature));

export interface LeakyReluOptions {
  /** The slope for x <= 0; 0.2 by default. */
  negativeSlope?: number;
}

/**
 * x where x > 0, and `negativeSlope` times x elsewhere; at 0 its gradient is `negativeSlope`. NaN stays NaN. Integers
 * give float32, here and in the other activations.
 *
 * @throws ArgumentError unless `negativeSlope` is a finite number.
 */
export function leakyRelu<D extends DType, R extends number>(
  x: Tensor<D, R>,
  options: LeakyReluOptions = {},
): Tensor<FloatOf<D>, R> {
  checkOptions("leakyRelu", options, ["negativeSlope"]);
  const slope = checkFinite("leakyRelu", "negativeSlope", options.negativeSlope ?? 0.2);
  return leakyReluOp(x, slope) as Tensor<FloatOf<D>, R>;
}

export interface EluOptions {
  /** Minus the limit for small x; 1 by default. */
  alpha?: number;
}

/**
 * The exponential linear unit: x where x > 0, and alpha (exp(x) - 1) elsewhere, without loss of digits near 0.
 * At 0 its gradient is alpha.
 *
 * Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units", 2015.
 *
 * @throws ArgumentError unless `alpha` is a finite number.
 */
export function elu<D extends DType, R extends number>(
  x: Tensor<D, R>,
  options: EluOptions = {},
): Tensor<FloatOf<D>, R> {
  checkOptions("elu", options, ["alpha"]);
  const alpha = checkFinite("elu", "alpha", options.alpha ?? 1);
  return eluOp(x, { positive: 1, negative: alpha }) as Tensor<FloatOf<D>, R>;
}

/**
 * The scaled exponential linear unit: 1.0507 {@link elu}(x) with alpha 1.6733, which keeps mean 0 and variance 1.
 *
 * Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", 2017.
 */
export function selu<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return seluOp(x, SELU) as Tensor<FloatOf<D>, R>;
}

/**
 * The sigmoid linear unit, x sigmoid(x), also called swish; 0 for -Infinity.
 *
 * Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units for Neural Network Function Approximation in Reinforcement
 * Learning", 2017; Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
 */
export function silu<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return siluOp(x, undefined) as Tensor<FloatOf<D>, R>;
}

export interface GeluOptions {
  /** Whether to compute x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 instead; false by default. */
  approximate?: boolean;
}

/**
 * The Gaussian error linear unit, x (1 + erf(x / sqrt(2))) / 2; 0 for -Infinity. The float32 result is right to 8
 * units in the last place, for negative x too.
 *
 * Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
 *
 * @throws ArgumentError unless `approximate` is a boolean.
 */
export function gelu<D extends DType, R extends number>(
  x: Tensor<D, R>,
  options: GeluOptions = {},
): Tensor<FloatOf<D>, R> {
  checkOptions("gelu", options, ["approximate"]);
  const approximate = checkBoolean("gelu", "approximate", options.approximate ?? false);
  return geluOp(x, { approximate }) as Tensor<FloatOf<D>, R>;
}

/** log(1 + exp(x)), safe for large x and without loss of digits for small ones. */
export function softplus<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return softplusOp(x, undefined) as Tensor<FloatOf<D>, R>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link leakyRelu}. */
    leakyRelu(options?: LeakyReluOptions): Tensor<FloatOf<D>, R>;
    /** See {@link elu}. */
    elu(options?: EluOptions): Tensor<FloatOf<D>, R>;
    /** See {@link selu}. */
    selu(): Tensor<FloatOf<D>, R>;
    /** See {@link silu}. */
    silu(): Tensor<FloatOf<D>, R>;
    /** See {@link gelu}. */
    gelu(options?: GeluOptions): Tensor<FloatOf<D>, R>;
    /** See {@link softplus}. */
    softplus(): Tensor<FloatOf<D>, R>;
  }
}
addMethod("leakyRelu", leakyRelu);
addMethod("elu", elu);
addMethod("selu", selu);
addMethod("silu", silu);
addMethod("gelu", gelu);
addMethod("softplus", softplus);
