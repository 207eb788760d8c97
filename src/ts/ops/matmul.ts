import { ShapeError } from "../errors.js";
import { promote, type DType, type Promote } from "../dtype.js";
import { checkTensor, defineOp, toContiguous, type TensorSpec } from "../op.js";
import { formatShape, sizeOf, tryBroadcast, type BroadcastRank, type Shape, type ShapeOf } from "../shape.js";
import type { Operand } from "../stream.js";
import { addMethod, type Tensor } from "../tensor.js";
import { ACTIVATIONS, activationBiasGrad, activationGrad, type ActivationName } from "./activation-grad.js";
import { checkChoice, checkFloating } from "./arguments.js";
import { broadcastOperand } from "./operands.js";
import { checkOptions } from "../checks.js";
import { cast } from "./cast.js";
import { sumTo } from "./reduce.js";
import { reshape } from "./reshape.js";
import { swapAxes } from "./transpose.js";

export interface MatmulOptions {
  /** Added to every row of the result: one element a column. */
  bias?: Tensor;
  /** Applied last; "none" by default. With the bias it costs no further pass over memory. */
  activation?: ActivationName;
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

const OPTIONS = ["bias", "activation"];

const matmulOp = defineOp<{ activation: ActivationName }>({
  name: "matmul",
  infer: ([a, b, bias]) => [inferMatmul(a!, b!, bias)],
  encode: ({ activation }) => [ACTIVATIONS.indexOf(activation)],
  operands: (inputs, [output]) => broadcastBatch(inputs, output!),
  save: ({ activation }, needs) => ({
    inputs: needs[0] ? (needs[1] ? [0, 1] : [1]) : needs[1] ? [0] : [],
    outputs: activation === "none" ? [] : [0],
  }),
  backward: ({ grads, inputs, outputs, needs, inputShapes, attrs }) => {
    const g = grads[0]!;
    const [dz, dbias] = needs[2]
      ? activationBiasGrad(g, outputs[0], attrs.activation)
      : [activationGrad(g, outputs[0]!, attrs.activation), null];
    return [
      needs[0] ? sumTo(product(dz, swapAxes(inputs[1]!, -2, -1)), inputShapes[0]!) : null,
      needs[1] ? sumTo(product(swapAxes(inputs[0]!, -2, -1), dz), inputShapes[1]!) : null,
      dbias,
    ];
  },
});

function product(a: Tensor, b: Tensor): Tensor {
  return matmulOp([a, b], { activation: "none" })[0]!;
}

function inferMatmul(a: Tensor, b: Tensor, bias: Tensor | undefined): TensorSpec {
  const [rows, inner] = a.shape.slice(-2) as [number, number];
  const [innerB, columns] = b.shape.slice(-2) as [number, number];
  if (inner !== innerB) throw innerDiffers(a.shape, b.shape);
  if (bias && (bias.rank !== 1 || bias.shape[0] !== columns)) {
    throw new ShapeError(`matmul: the bias does not fit: it is ${formatShape(bias.shape)}, expected [${columns}]`);
  }
  if (a.rank === 2 && b.rank === 2) return { shape: [rows, columns], dtype: a.dtype };
  const batch = tryBroadcast([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  if (batch === null) {
    throw new ShapeError(
      `matmul: batch dimensions do not broadcast: a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}`,
    );
  }
  return { shape: [...batch, rows, columns], dtype: a.dtype };
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
 * vector counts as one row on the left and as one column on the right, without that axis in the result. float32 and
 * float64; float32 with float64 gives float64.
 *
 * @throws ShapeError when the inner sizes differ, the batch axes do not broadcast, an operand has no dimension, or the
 * bias is not [N]. @throws DTypeError for integer operands.
 */
export function matmul<A extends DType, B extends DType, X extends number, Y extends number>(
  a: Tensor<A, X>,
  b: Tensor<B, Y>,
  options: MatmulOptions = {},
): Tensor<Promote<A, B>, MatmulRank<X, Y>> {
  checkTensor("matmul", a);
  checkTensor("matmul", b);
  checkOptions("matmul", options, OPTIONS);
  const { bias } = options;
  if (bias !== undefined) checkTensor("matmul", bias);
  const activation = checkChoice("matmul", "activation", options.activation ?? "none", ACTIVATIONS);
  checkMatmulOperand("a", a);
  checkMatmulOperand("b", b);
  if (bias) checkFloating("matmul", "the bias", bias);
  // Checked here as well, so that the message shows the shapes as the user gave them.
  if (a.shape.at(-1) !== b.shape.at(b.rank === 1 ? 0 : -2)) throw innerDiffers(a.shape, b.shape);

  let dtype = promote(a.dtype, b.dtype);
  if (bias) dtype = promote(dtype, bias.dtype);
  const temporaries: Tensor[] = [];
  const prepare = (x: Tensor, shape: Shape | null): Tensor => {
    let result = x;
    if (result.dtype !== dtype) temporaries.push((result = cast(result, dtype)));
    if (shape !== null) temporaries.push((result = reshape(result, shape)));
    return result;
  };
  const batch = a.shape.slice(0, -1);
  // One matrix for all rows of a batch: a single large product instead of many.
  const rows = b.rank <= 2 && a.rank > 2 && a.isContiguous;
  const left = prepare(a, a.rank === 1 ? [1, a.size] : rows ? [sizeOf(batch), a.shape.at(-1)!] : null);
  const right = prepare(b, b.rank === 1 ? [b.size, 1] : null);
  const inputs = [left, right];
  if (bias) {
    const row = toContiguous(prepare(bias, null));
    if (row !== bias) temporaries.push(row);
    inputs.push(row);
  }
  let result = matmulOp(inputs, { activation })[0]!;
  if (rows || a.rank === 1 || b.rank === 1) {
    const shape = rows ? [...batch, right.shape[1]!] : result.shape.slice();
    if (a.rank === 1) shape.splice(-2, 1);
    if (b.rank === 1) shape.pop();
    const matrix = result;
    result = reshape(matrix, shape);
    matrix.dispose();
  }
  for (const temporary of temporaries) temporary.dispose();
  return result as Tensor<Promote<A, B>, MatmulRank<X, Y>>;
}

function checkMatmulOperand(name: string, x: Tensor): void {
  if (x.rank === 0)
    throw new ShapeError(`matmul: ${name} has no dimension: its shape is [], expected a vector or matrices`);
  checkFloating("matmul", name, x);
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
