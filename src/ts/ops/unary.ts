import { ArgumentError, describe } from "../errors.js";
import { isHalf, promote, type DType, type FloatOf, type Promote } from "../dtype.js";
import { checkTensor, defineOp, type OpDefinition } from "../op.js";
import { addMethod, type Tensor } from "../tensor.js";
import { activationGrad, type ActivationName } from "./activation-grad.js";
import { add, div, mul, pow } from "./binary.js";
import { cast } from "./cast.js";
import { greaterEqual, lessEqual, logicalAnd } from "./compare.js";

type Rest<A> = Pick<OpDefinition<A>, "encode" | "backward" | "save">;

/** `least` is the first dtype, in promotion order, that the kernel has; what comes before is cast to it. */
function defineUnary<A = undefined>(name: string, least: DType, rest: Rest<A>): (x: Tensor, attrs: A) => Tensor {
  const op = defineOp<A>({ name, infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }], ...rest });
  return (x, attrs) => {
    checkTensor(name, x);
    const dtype = promote(x.dtype, least);
    if (dtype === x.dtype) return op([x], attrs)[0]!;
    const converted = cast(x, dtype);
    const result = op([converted], attrs)[0]!;
    converted.dispose();
    return result;
  };
}

/** An op whose gradient is a function of its result. */
function fromOutput(slope: (g: Tensor, y: Tensor) => Tensor): Rest<undefined> {
  return { save: { outputs: [0] }, backward: ({ grads, outputs }) => [slope(grads[0]!, outputs[0]!)] };
}

/** An op whose gradient is a function of its input. */
function fromInput(slope: (g: Tensor, x: Tensor) => Tensor): Rest<undefined> {
  return { save: { inputs: [0] }, backward: ({ grads, inputs }) => [slope(grads[0]!, inputs[0]!)] };
}

function activation(name: ActivationName): Rest<undefined> {
  return fromOutput((g, y) => activationGrad(g, y, name));
}

const negOp = defineUnary("neg", "int32", { backward: ({ grads }) => [neg(grads[0]!)] });
const absOp = defineUnary(
  "abs",
  "uint8",
  fromInput((g, x) => mul(g, sign(x))),
);
const signOp = defineUnary(
  "sign",
  "uint8",
  fromInput((g) => mul(g, 0)),
);
const squareOp = defineUnary(
  "square",
  "uint8",
  fromInput((g, x) => mul(mul(g, x), 2)),
);
const expOp = defineUnary(
  "exp",
  "float32",
  fromOutput((g, y) => mul(g, y)),
);
const logOp = defineUnary(
  "log",
  "float32",
  fromInput((g, x) => div(g, x)),
);
const sqrtOp = defineUnary(
  "sqrt",
  "float32",
  fromOutput((g, y) => div(mul(g, 0.5), y)),
);
const rsqrtOp = defineUnary(
  "rsqrt",
  "float32",
  fromOutput((g, y) => mul(mul(g, -0.5), pow(y, 3))),
);
const tanhOp = defineUnary("tanh", "float32", activation("tanh"));
const sigmoidOp = defineUnary("sigmoid", "float32", activation("sigmoid"));
const reluOp = defineUnary("relu", "uint8", activation("relu"));
const clipOp = defineUnary<{ low: number; high: number }>("clip", "uint8", {
  encode: ({ low, high }) => [low, high],
  save: { inputs: [0] },
  backward: ({ grads, inputs, attrs }) => {
    const x = inputs[0]!;
    const g = grads[0]!;
    return [mul(g, cast(logicalAnd(greaterEqual(x, attrs.low), lessEqual(x, attrs.high)), g.dtype))];
  },
});

const expm1Op = defineUnary(
  "expm1",
  "float32",
  fromOutput((g, y) => mul(g, add(y, 1))),
);
const log1pOp = defineUnary(
  "log1p",
  "float32",
  fromInput((g, x) => div(g, add(x, 1))),
);
const sinOp = defineUnary(
  "sin",
  "float32",
  fromInput((g, x) => mul(g, cos(x))),
);
const cosOp = defineUnary(
  "cos",
  "float32",
  fromInput((g, x) => neg(mul(g, sin(x)))),
);
const erfOp = defineUnary(
  "erf",
  "float32",
  fromInput((g, x) => mul(g, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)))),
);
const flat: Rest<undefined> = { backward: ({ grads }) => [mul(grads[0]!, 0)] };
const floorOp = defineUnary("floor", "uint8", flat);
const ceilOp = defineUnary("ceil", "uint8", flat);
const roundOp = defineUnary("round", "uint8", flat);
const isNaNOp = defineOp<undefined>({
  name: "isNaN",
  infer: ([x]) => [{ shape: x!.shape, dtype: "bool" }],
  backward: null,
});

/** -x. uint8 and bool give int32. */
export function neg<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<Promote<D, "int32">, R> {
  return negOp(x, undefined) as Tensor<Promote<D, "int32">, R>;
}
/** |x|; its gradient at 0 is 0. bool gives uint8. */
export function abs<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<Promote<D, "uint8">, R> {
  return absOp(x, undefined) as Tensor<Promote<D, "uint8">, R>;
}
/** The sign of x: -1, 0 or 1; NaN stays NaN. bool gives uint8; the gradient is 0. */
export function sign<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<Promote<D, "uint8">, R> {
  return signOp(x, undefined) as Tensor<Promote<D, "uint8">, R>;
}
/** x * x. bool gives uint8. */
export function square<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<Promote<D, "uint8">, R> {
  return squareOp(x, undefined) as Tensor<Promote<D, "uint8">, R>;
}
/** e to the power of x. Integers give float32, here and in the other functions of real numbers. */
export function exp<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return expOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** The natural logarithm; -Infinity for 0, NaN below. */
export function log<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return logOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** The square root; NaN below 0. */
export function sqrt<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return sqrtOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** 1 / sqrt(x); Infinity for 0, NaN below. */
export function rsqrt<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return rsqrtOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** The hyperbolic tangent. */
export function tanh<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return tanhOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** The logistic function, 1 / (1 + exp(-x)), safe for large negative x. */
export function sigmoid<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return sigmoidOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** max(x, 0); NaN stays NaN, and the gradient at 0 is 0. bool gives uint8. */
export function relu<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<Promote<D, "uint8">, R> {
  return reluOp(x, undefined) as Tensor<Promote<D, "uint8">, R>;
}

/**
 * x, but at least `low` and at most `high`; `null` leaves an end open. The gradient passes where x is inside.
 *
 * @throws ArgumentError for a bound that is NaN, or `low` above `high`.
 */
export function clip<D extends DType, R extends number>(
  x: Tensor<D, R>,
  low: number | null,
  high: number | null,
): Tensor<Promote<D, "uint8">, R> {
  const from = bound(low, -Infinity);
  const to = bound(high, Infinity);
  if (from > to) throw new ArgumentError(`clip: the bounds are crossed: low is ${from}, high is ${to}`);
  return clipOp(x, { low: from, high: to }) as Tensor<Promote<D, "uint8">, R>;
}

function bound(value: unknown, open: number): number {
  if (value === null) return open;
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new ArgumentError(`clip: a bound is not a number: ${describe(value)}, expected a number or null`);
  }
  return value;
}

/** exp(x) - 1, without its loss of digits near 0. */
export function expm1<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return expm1Op(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** log(1 + x), without its loss of digits near 0; -Infinity for -1, NaN below. */
export function log1p<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return log1pOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** The sine of x radians, however large x is; NaN for infinities. */
export function sin<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return sinOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** The cosine of x radians, however large x is; NaN for infinities. */
export function cos<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return cosOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export function erf<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<FloatOf<D>, R> {
  return erfOp(x, undefined) as Tensor<FloatOf<D>, R>;
}
/** The largest integer that is not above x. Integers stay as they are, bool gives uint8; the gradient is 0. */
export function floor<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<Promote<D, "uint8">, R> {
  return floorOp(x, undefined) as Tensor<Promote<D, "uint8">, R>;
}
/** The smallest integer that is not below x; otherwise like {@link floor}. */
export function ceil<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<Promote<D, "uint8">, R> {
  return ceilOp(x, undefined) as Tensor<Promote<D, "uint8">, R>;
}
/** The integer nearest to x, the even one of two equally near: 0.5 gives 0, 1.5 gives 2. Otherwise like {@link floor}. */
export function round<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<Promote<D, "uint8">, R> {
  return roundOp(x, undefined) as Tensor<Promote<D, "uint8">, R>;
}
/** Whether x is NaN; never where x is of an integer dtype. */
export function isNaN<D extends DType, R extends number>(x: Tensor<D, R>): Tensor<"bool", R> {
  checkTensor("isNaN", x);
  const numbers = isHalf(x.dtype) ? cast(x, "float32") : x;
  const result = isNaNOp([numbers], undefined)[0]!;
  if (numbers !== x) numbers.dispose();
  return result as Tensor<"bool", R>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link neg}. */
    neg(): Tensor<Promote<D, "int32">, R>;
    /** See {@link abs}. */
    abs(): Tensor<Promote<D, "uint8">, R>;
    /** See {@link sign}. */
    sign(): Tensor<Promote<D, "uint8">, R>;
    /** See {@link square}. */
    square(): Tensor<Promote<D, "uint8">, R>;
    /** See {@link exp}. */
    exp(): Tensor<FloatOf<D>, R>;
    /** See {@link log}. */
    log(): Tensor<FloatOf<D>, R>;
    /** See {@link sqrt}. */
    sqrt(): Tensor<FloatOf<D>, R>;
    /** See {@link rsqrt}. */
    rsqrt(): Tensor<FloatOf<D>, R>;
    /** See {@link tanh}. */
    tanh(): Tensor<FloatOf<D>, R>;
    /** See {@link sigmoid}. */
    sigmoid(): Tensor<FloatOf<D>, R>;
    /** See {@link relu}. */
    relu(): Tensor<Promote<D, "uint8">, R>;
    /** See {@link clip}. */
    clip(low: number | null, high: number | null): Tensor<Promote<D, "uint8">, R>;
    /** See {@link expm1}. */
    expm1(): Tensor<FloatOf<D>, R>;
    /** See {@link log1p}. */
    log1p(): Tensor<FloatOf<D>, R>;
    /** See {@link sin}. */
    sin(): Tensor<FloatOf<D>, R>;
    /** See {@link cos}. */
    cos(): Tensor<FloatOf<D>, R>;
    /** See {@link erf}. */
    erf(): Tensor<FloatOf<D>, R>;
    /** See {@link floor}. */
    floor(): Tensor<Promote<D, "uint8">, R>;
    /** See {@link ceil}. */
    ceil(): Tensor<Promote<D, "uint8">, R>;
    /** See {@link round}. */
    round(): Tensor<Promote<D, "uint8">, R>;
    /** See {@link isNaN}. */
    isNaN(): Tensor<"bool", R>;
  }
}
addMethod("neg", neg);
addMethod("abs", abs);
addMethod("sign", sign);
addMethod("square", square);
addMethod("exp", exp);
addMethod("log", log);
addMethod("sqrt", sqrt);
addMethod("rsqrt", rsqrt);
addMethod("tanh", tanh);
addMethod("sigmoid", sigmoid);
addMethod("relu", relu);
addMethod("clip", clip);
addMethod("expm1", expm1);
addMethod("log1p", log1p);
addMethod("sin", sin);
addMethod("cos", cos);
addMethod("erf", erf);
addMethod("floor", floor);
addMethod("ceil", ceil);
addMethod("round", round);
addMethod("isNaN", isNaN);
