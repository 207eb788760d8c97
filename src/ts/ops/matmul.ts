import { ShapeError } from "../errors.js";
import { isHalf, promote, type DType, type Promote } from "../dtype.js";
import { checkTensor, defineOp, toContiguous, type TensorSpec } from "../op.js";
import {
  formatShape,
  sameShape,
  sizeOf,
  tryBroadcast,
  type BroadcastRank,
  type Shape,
  type ShapeOf,
} from "../shape.js";
import type { Operand } from "../stream.js";
import { isRecording } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { geluGrad } from "./activation.js";
import { ACTIVATIONS, activationBiasGrad, activationGrad } from "./activation-grad.js";
import { checkChoice, checkFloating } from "./arguments.js";
import { add } from "./binary.js";
import { broadcastOperand } from "./operands.js";
import { checkOptions } from "../checks.js";
import { cast } from "./cast.js";
import { sumTo } from "./reduce.js";
import { reshape } from "./reshape.js";
import { swapAxes } from "./transpose.js";

/** The activations that matmul applies to its result; a name's place is its number in commands. */
export const MATMUL_ACTIVATIONS = [...ACTIVATIONS, "gelu"] as const;

export type MatmulActivationName = (typeof MATMUL_ACTIVATIONS)[number];

export interface MatmulOptions {
  /** Added to every row of the result: one element a column. */
  bias?: Tensor;
  /** Applied to the product with its bias; "none" by default. Like the other options it costs no further pass over memory. */
  activation?: MatmulActivationName;
  /** Added after the activation; it has the result's shape. */
  residual?: Tensor;
}

/** The rank of a matrix product, where a vector's axis falls away. */
export type MatmulRank<A extends number, B extends number> = number extends A | B
  ? number
  : A extends 1
    ? LessOne<B>
    : B extends 1
      ? LessOne<A>
      : BroadcastRank<A, B>;

type LessOne<R extends number> = ShapeOf<R> extends readonly [unknown, ...infer Rest] ? Rest["length"] : number;

const OPTIONS = ["bias", "activation", "residual"];

interface MatmulAttributes {
  readonly activation: MatmulActivationName;
  /** Which inputs follow a and b. */
  readonly bias: boolean;
  readonly residual: boolean;
  /** Whether z, what the activation is applied to, is an output too: the gradient of gelu reads it. */
  readonly keepZ: boolean;
}

const PLAIN: MatmulAttributes = { activation: "none", bias: false, residual: false, keepZ: false };
const WITH_RESIDUAL: MatmulAttributes = { ...PLAIN, residual: true };

// a, b, bias?, residual? -> y = activation(z) + residual [, z], with z = a @ b + bias
const matmulOp = defineOp<MatmulAttributes>({
  name: "matmul",
  halves: true,
  infer: ([a, b, bias], attrs) => {
    const spec = inferMatmul(a!, b!, attrs.bias ? bias : undefined);
    return attrs.keepZ ? [spec, spec] : [spec];
  },
  encode: ({ activation, bias, residual }) => [MATMUL_ACTIVATIONS.indexOf(activation), Number(bias), Number(residual)],
  operands: (inputs, [output]) => broadcastBatch(inputs, output!),
  save: ({ activation }, needs) => ({
    inputs: needs[0] ? (needs[1] ? [0, 1] : [1]) : needs[1] ? [0] : [],
    outputs: activation === "none" ? [] : [activation === "gelu" ? 1 : 0],
  }),
  backward: ({ grads, inputs, outputs, needs, inputShapes, attrs, collect }) => {
    const g = grads[0] ?? null;
    const [dz, dbias] = beforeActivation(grads, outputs, attrs, attrs.bias && needs[2]!);
    // Where a batch shares a matrix b, all its rows are one matrix: one product, which sums the gradient of b too.
    const shared = inputShapes[0]!.length > 2 && inputShapes[1]!.length === 2;
    const rows = (x: Tensor): Tensor => (shared ? shaped(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]) : x);
    const gradient = (i: number, a: Tensor, b: Tensor): Tensor => {
      const [{ shape }, expected] = [inferMatmul(a, b, undefined), inputShapes[i]!];
      if (sizeOf(shape) !== sizeOf(expected)) return sumTo(matmulOp([a, b], PLAIN)[0]!, expected);
      // The product adds what its input has got before.
      const before = collect(i);
      const sum = before ? matmulOp([a, b, shaped(before, shape)], WITH_RESIDUAL) : matmulOp([a, b], PLAIN);
      return shaped(sum[0]!, expected);
    };
    const gradientOfB = (a: Tensor): Tensor =>
      a.isContiguous ? gradient(1, swapAxes(rows(a), -2, -1), rows(dz)) : gradient(1, swapAxes(a, -2, -1), dz);
    return [
      needs[0] ? gradient(0, rows(dz), swapAxes(inputs[1]!, -2, -1)) : null,
      needs[1] ? gradientOfB(inputs[0]!) : null,
      ...(attrs.bias ? [dbias] : []),
      ...(attrs.residual ? [g] : []),
    ];
  },
});

function shaped(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : reshape(x, shape);
}

/** The gradients of z and of the bias, if that is wanted. */
function beforeActivation(
  grads: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  { activation }: MatmulAttributes,
  bias: boolean,
): readonly [dz: Tensor, dbias: Tensor | null] {
  if (activation !== "gelu") {
    if (bias) return activationBiasGrad(grads[0]!, outputs[0], activation);
    return [activationGrad(grads[0]!, outputs[0]!, activation), null];
  }
  // A gradient of z itself comes from the gradient op's own gradient.
  const [g, direct] = grads as readonly [Tensor | null, Tensor | null | undefined];
  const through = g && geluGrad(g, outputs[1]!);
  const dz = through && direct ? add(through, direct) : (through ?? direct)!;
  return bias ? activationBiasGrad(dz, undefined, "none") : [dz, null];
}

function inferMatmul(a: Tensor, b: Tensor, bias: Tensor | undefined): TensorSpec {
  const [rows, inner] = a.shape.slice(-2) as [number, number];
  const [innerB, columns] = b.shape.slice(-2) as [number, number];
  if (inner !== innerB) throw innerDiffers(a.shape, b.shape);
  if (bias && (bias.rank !== 1 || bias.shape[0] !== columns)) {
    throw new ShapeError(`matmul: the bias does not fit: it is ${formatShape(bias.shape)}, expected [${columns}]`);
  }
  const dtype = promote(a.dtype, b.dtype);
  if (a.rank === 2 && b.rank === 2) return { shape: [rows, columns], dtype };
  const batch = tryBroadcast([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  if (batch === null) {
    throw new ShapeError(
      `matmul: batch dimensions do not broadcast: a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}`,
    );
  }
  return { shape: [...batch, rows, columns], dtype };
}

function innerDiffers(a: Shape, b: Shape): ShapeError {
  return new ShapeError(`matmul: inner dimensions differ: a is ${formatShape(a)}, b is ${formatShape(b)}`);
}

/** The kernel wants the batch axes of both operands as the output has them. */
function broadcastBatch(inputs: readonly Tensor[], { shape }: TensorSpec): readonly Operand[] {
  if (shape.length === 2) return inputs;
  const batch = shape.slice(0, -2);
  return inputs.map((input, i) => (i < 2 ? broadcastOperand(input, [...batch, ...input.shape.slice(-2)]) : input));
}

/**
 * The matrix product with NumPy's rules: [..., M, K] by [..., K, N] gives [..., M, N], batch axes broadcast, and a
 * vector counts as one row on the left and as one column on the right, without that axis in the result.
 *
 * float32, float64, bfloat16 and float16; the result is float64 if one is float64, else float32. Sums are made in the
 * result's dtype. Products of 16-bit numbers are exact; of two operands of bfloat16, on a CPU that multiplies them in
 * pairs (AVX512_BF16), numbers below 1.2e-38 count as 0.
 *
 * @throws ShapeError when the inner sizes differ, the batch axes do not broadcast, an operand has no dimension, the
 * bias is not [N], or the residual has not the result's shape. @throws DTypeError for integer operands.
 */
export function matmul<A extends DType, B extends DType, X extends number, Y extends number>(
  a: Tensor<A, X>,
  b: Tensor<B, Y>,
  options: MatmulOptions = {},
): Tensor<Promote<A, B>, MatmulRank<X, Y>> {
  checkTensor("matmul", a);
  checkTensor("matmul", b);
  checkOptions("matmul", options, OPTIONS);
  const { bias, residual } = options;
  if (bias !== undefined) checkTensor("matmul", bias);
  if (residual !== undefined) checkTensor("matmul", residual);
  const activation = checkChoice("matmul", "activation", options.activation ?? "none", MATMUL_ACTIVATIONS);
  checkMatmulOperand("a", a);
  checkMatmulOperand("b", b);
  if (bias) checkReal("the bias", bias);
  if (residual) checkReal("the residual", residual);
  // Checked here as well, so that the message shows the shapes as the user gave them.
  if (a.shape.at(-1) !== b.shape.at(b.rank === 1 ? 0 : -2)) throw innerDiffers(a.shape, b.shape);

  let dtype = promote(a.dtype, b.dtype);
  if (bias) dtype = promote(dtype, bias.dtype);
  if (residual) dtype = promote(dtype, residual.dtype);
  const temporaries: Tensor[] = [];
  const prepare = (x: Tensor, shape: Shape | null, own: DType = dtype): Tensor => {
    let result = x;
    if (result.dtype !== own) temporaries.push((result = cast(result, own)));
    if (shape !== null) temporaries.push((result = reshape(result, shape)));
    return result;
  };
  // The kernel converts 16-bit operands of a float32 product while it reads them.
  const operand = ({ dtype: own }: Tensor): DType => (dtype === "float32" && isHalf(own) ? own : dtype);
  const contiguous = (x: Tensor, given: Tensor): Tensor => {
    const result = toContiguous(x);
    if (result !== x && result !== given) temporaries.push(result);
    return result;
  };
  const left = prepare(a, a.rank === 1 ? [1, a.size] : null, operand(a));
  const right = prepare(b, b.rank === 1 ? [b.size, 1] : null, operand(b));
  /** The result's shape, from that of the product of matrices. */
  const shapeOf = (matrix: Shape): Shape => {
    const shape = matrix.slice();
    if (a.rank === 1) shape.splice(-2, 1);
    if (b.rank === 1) shape.pop();
    return shape;
  };
  const inputs = [left, right];
  if (bias) inputs.push(contiguous(prepare(bias, null), bias));
  // The gradients of these activations read the result, which the residual would change.
  let apart: Tensor | undefined;
  if (residual) {
    const matrix = inferMatmul(left, right, bias).shape;
    const expected = shapeOf(matrix);
    if (!sameShape(residual.shape, expected)) {
      throw new ShapeError(
        `matmul: the residual does not fit: it is ${formatShape(residual.shape)}, expected ${formatShape(expected)}`,
      );
    }
    const row = prepare(residual, null);
    const recorded = isRecording() && [...inputs, row].some(({ requiresGrad }) => requiresGrad);
    if (recorded && activation !== "none" && activation !== "gelu") apart = row;
    else inputs.push(contiguous(sameShape(matrix, expected) ? row : prepare(row, matrix), residual));
  }
  const keepZ = activation === "gelu" && isRecording() && inputs.some(({ requiresGrad }) => requiresGrad);
  const fused = residual !== undefined && apart === undefined;
  const [y, z] = matmulOp(inputs, { activation, bias: bias !== undefined, residual: fused, keepZ });
  z?.dispose();
  let result = y!;
  if (a.rank === 1 || b.rank === 1) {
    temporaries.push(result);
    result = reshape(result, shapeOf(result.shape));
  }
  if (apart) {
    temporaries.push(result);
    result = add(result, apart);
  }
  for (const temporary of temporaries) temporary.dispose();
  return result as Tensor<Promote<A, B>, MatmulRank<X, Y>>;
}

function checkMatmulOperand(name: string, x: Tensor): void {
  if (x.rank === 0)
    throw new ShapeError(`matmul: ${name} has no dimension: its shape is [], expected a vector or matrices`);
  checkReal(name, x);
}

/** @throws DTypeError for integers and bools. */
function checkReal(name: string, x: Tensor): void {
  if (!isHalf(x.dtype)) checkFloating("matmul", name, x);
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link matmul}. */
    matmul<B extends DType, X extends number, Y extends number>(
      this: Tensor<DType, X>,
      other: Tensor<B, Y>,
      options?: MatmulOptions,
    ): Tensor<Promote<D, B>, MatmulRank<X, Y>>;
  }
}
addMethod("matmul", matmul);
