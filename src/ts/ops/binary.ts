import { isFloating, promote, type DType } from "../dtype.js";
import { defineOp, type Op, type OpDefinition } from "../op.js";
import { broadcastShapes } from "../shape.js";
import type { Saved } from "../tape.js";
import { addMethod, Tensor } from "../tensor.js";
import { checkOptions } from "../checks.js";
import { activationGrad } from "./activation-grad.js";
import { checkChoice } from "./arguments.js";
import { broadcastOperands } from "./operands.js";
import { cast } from "./cast.js";
import { equal, greater, greaterEqual, less, logicalAnd } from "./compare.js";
import { sumTo } from "./reduce.js";
import { applyPromoted, constantOf, type Promoted } from "./scalar.js";
import { log, neg } from "./unary.js";
import { where } from "./where.js";

function defineBinary(name: string, rest: Pick<OpDefinition<undefined>, "backward" | "save">): Op<undefined> {
  return defineOp<undefined>({
    name,
    infer: ([a, b]) => [{ shape: broadcastShapes(name, a!.shape, b!.shape), dtype: a!.dtype }],
    operands: broadcastOperands,
    ...rest,
  });
}

/** `least` is the first dtype, in promotion order, that the kernel has. */
function apply<A extends Tensor | number, B extends Tensor | number, L extends DType>(
  name: string,
  op: Op<undefined>,
  least: L,
  a: A,
  b: B,
): Promoted<A, B, L> {
  if (a instanceof Tensor && b instanceof Tensor && a.dtype === b.dtype && promote(a.dtype, least) === a.dtype) {
    return op([a, b], undefined)[0]! as Promoted<A, B, L>;
  }
  if (a instanceof Tensor && typeof b === "number" && isFloating(a.dtype)) {
    return op([a, constantOf(b, a)], undefined)[0]! as Promoted<A, B, L>;
  }
  return applyPromoted(name, op, least, [a, b]) as Promoted<A, B, L>;
}

const SAVE_FIRST: Saved = { inputs: [0] };
const SAVE_SECOND: Saved = { inputs: [1] };
const SAVE_BOTH: Saved = { inputs: [0, 1] };

const addOp = defineBinary("add", {
  backward: ({ grads, needs, inputShapes }) => {
    const g = grads[0]!;
    return [needs[0] ? sumTo(g, inputShapes[0]!) : null, needs[1] ? sumTo(g, inputShapes[1]!) : null];
  },
});

const addReluOp = defineBinary("addRelu", {
  save: { outputs: [0] },
  backward: ({ grads, outputs, needs, inputShapes }) => {
    const g = activationGrad(grads[0]!, outputs[0]!, "relu");
    return [needs[0] ? sumTo(g, inputShapes[0]!) : null, needs[1] ? sumTo(g, inputShapes[1]!) : null];
  },
});

export interface AddOptions {
  /** Applied to the sum, without another pass over memory: "none" (the default) or "relu", which gives floats. */
  activation?: "none" | "relu";
}

/**
 * a + b, elementwise with broadcasting. A number takes the tensor's dtype, or one that can hold it; two tensors
 * are promoted to the later of bool, uint8, int32, float32, float64, where bfloat16 and float16 count as float32. bool is
 * added as uint8.
 *
 * @throws ShapeError when the shapes do not broadcast.
 * @throws ArgumentError when neither is a tensor; so do the other functions of two operands.
 */
export function add<A extends Tensor | number, B extends Tensor | number>(a: A, b: B): Promoted<A, B, "uint8">;
export function add<A extends Tensor | number, B extends Tensor | number>(
  a: A,
  b: B,
  options: AddOptions,
): Promoted<A, B, "float32">;
export function add<A extends Tensor | number, B extends Tensor | number>(a: A, b: B, options?: AddOptions): Tensor {
  if (options === undefined) return apply("add", addOp, "uint8", a, b);
  checkOptions("add", options, ["activation"]);
  const activation = checkChoice("add", "activation", options.activation ?? "none", ["none", "relu"]);
  return activation === "none" ? apply("add", addOp, "float32", a, b) : apply("add", addReluOp, "float32", a, b);
}

const subOp = defineBinary("sub", {
  backward: ({ grads, needs, inputShapes }) => {
    const g = grads[0]!;
    return [needs[0] ? sumTo(g, inputShapes[0]!) : null, needs[1] ? neg(sumTo(g, inputShapes[1]!)) : null];
  },
});

/**
 * a - b, elementwise with broadcasting; dtypes as in {@link add}, at least int32.
 *
 * @throws ShapeError when the shapes do not broadcast.
 */
export function sub<A extends Tensor | number, B extends Tensor | number>(a: A, b: B): Promoted<A, B, "int32"> {
  return apply("sub", subOp, "int32", a, b);
}

const mulOp = defineBinary("mul", {
  save: (_, needs) => (needs[0] ? (needs[1] ? SAVE_BOTH : SAVE_SECOND) : SAVE_FIRST),
  backward: ({ grads, inputs, needs, inputShapes }) => {
    const g = grads[0]!;
    return [
      needs[0] ? sumTo(mul(g, inputs[1]!), inputShapes[0]!) : null,
      needs[1] ? sumTo(mul(g, inputs[0]!), inputShapes[1]!) : null,
    ];
  },
});

/**
 * a * b, elementwise with broadcasting; dtypes as in {@link add}.
 *
 * @throws ShapeError when the shapes do not broadcast.
 */
export function mul<A extends Tensor | number, B extends Tensor | number>(a: A, b: B): Promoted<A, B, "uint8"> {
  return apply("mul", mulOp, "uint8", a, b);
}

const divOp = defineBinary("div", {
  save: (_, needs) => (needs[1] ? { inputs: [1], outputs: [0] } : SAVE_SECOND),
  backward: ({ grads, inputs, outputs, needs, inputShapes }) => {
    const quotient = div(grads[0]!, inputs[1]!);
    return [
      needs[0] ? sumTo(quotient, inputShapes[0]!) : null,
      needs[1] ? neg(sumTo(mul(quotient, outputs[0]!), inputShapes[1]!)) : null,
    ];
  },
});

/**
 * a / b, elementwise with broadcasting; integers give float32.
 *
 * @throws ShapeError when the shapes do not broadcast.
 */
export function div<A extends Tensor | number, B extends Tensor | number>(a: A, b: B): Promoted<A, B, "float32"> {
  return apply("div", divOp, "float32", a, b);
}

const powOp = defineBinary("pow", {
  save: (_, needs) => (needs[1] ? { inputs: [0, 1], outputs: [0] } : SAVE_BOTH),
  backward: ({ grads, inputs, outputs, needs, inputShapes }) => {
    const g = grads[0]!;
    const [a, b] = inputs as [Tensor, Tensor];
    // x^0 is 1 also for x = 0, and 0^y is 0 around every y > 0: the formulas would give NaN there.
    const slope = (): Tensor => mul(b, pow(where(logicalAnd(equal(a, 0), equal(b, 0)), 1, a), sub(b, 1)));
    const growth = (): Tensor => where(logicalAnd(equal(a, 0), greaterEqual(b, 0)), 0, mul(outputs[0]!, log(a)));
    return [
      needs[0] ? sumTo(mul(g, slope()), inputShapes[0]!) : null,
      needs[1] ? sumTo(mul(g, growth()), inputShapes[1]!) : null,
    ];
  },
});

/**
 * a to the power of b, elementwise with broadcasting; dtypes as in {@link add}, at least int32. An integer to a
 * negative power is 0, unless it is 1 or -1.
 *
 * @throws ShapeError when the shapes do not broadcast.
 */
export function pow<A extends Tensor | number, B extends Tensor | number>(a: A, b: B): Promoted<A, B, "int32"> {
  return apply("pow", powOp, "int32", a, b);
}

function defineChoice(name: string, wins: (a: Tensor, b: Tensor) => Tensor<"bool">): Op<undefined> {
  return defineBinary(name, {
    save: SAVE_BOTH,
    backward: ({ grads, inputs, needs, inputShapes }) => {
      const g = grads[0]!;
      const [a, b] = inputs as [Tensor, Tensor];
      const half = mul(cast(equal(a, b), g.dtype), 0.5);
      const part = (x: Tensor, y: Tensor): Tensor => mul(g, add(cast(wins(x, y), g.dtype), half));
      return [
        needs[0] ? sumTo(part(a, b), inputShapes[0]!) : null,
        needs[1] ? sumTo(part(b, a), inputShapes[1]!) : null,
      ];
    },
  });
}

const maximumOp = defineChoice("maximum", (a, b) => greater(a, b));
const minimumOp = defineChoice("minimum", (a, b) => less(a, b));

/**
 * The larger of a and b, elementwise with broadcasting; NaN where either is NaN. Equal elements share the
 * gradient. Dtypes as in {@link add}.
 *
 * @throws ShapeError when the shapes do not broadcast.
 */
export function maximum<A extends Tensor | number, B extends Tensor | number>(a: A, b: B): Promoted<A, B, "uint8"> {
  return apply("maximum", maximumOp, "uint8", a, b);
}

/** The smaller of a and b; otherwise like {@link maximum}. */
export function minimum<A extends Tensor | number, B extends Tensor | number>(a: A, b: B): Promoted<A, B, "uint8"> {
  return apply("minimum", minimumOp, "uint8", a, b);
}

declare module "../tensor.js" {
  interface Tensor {
    /** See {@link add}. */
    add<A extends Tensor, B extends Tensor | number>(this: A, other: B): Promoted<A, B, "uint8">;
    add<A extends Tensor, B extends Tensor | number>(this: A, other: B, options: AddOptions): Promoted<A, B, "float32">;
    /** See {@link sub}. */
    sub<A extends Tensor, B extends Tensor | number>(this: A, other: B): Promoted<A, B, "int32">;
    /** See {@link mul}. */
    mul<A extends Tensor, B extends Tensor | number>(this: A, other: B): Promoted<A, B, "uint8">;
    /** See {@link div}. */
    div<A extends Tensor, B extends Tensor | number>(this: A, other: B): Promoted<A, B, "float32">;
    /** See {@link pow}. */
    pow<A extends Tensor, B extends Tensor | number>(this: A, exponent: B): Promoted<A, B, "int32">;
    /** See {@link maximum}. */
    maximum<A extends Tensor, B extends Tensor | number>(this: A, other: B): Promoted<A, B, "uint8">;
    /** See {@link minimum}. */
    minimum<A extends Tensor, B extends Tensor | number>(this: A, other: B): Promoted<A, B, "uint8">;
  }
}
addMethod("add", add);
addMethod("sub", sub);
addMethod("mul", mul);
addMethod("div", div);
addMethod("pow", pow);
addMethod("maximum", maximum);
addMethod("minimum", minimum);
