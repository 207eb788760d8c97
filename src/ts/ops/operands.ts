import type { TensorSpec } from "../op.js";
import { sameShape, type Shape } from "../shape.js";
import type { Operand } from "../stream.js";
import type { Tensor } from "../tensor.js";

/** @internal The operands of elementwise kernels all have the output's shape. */
export function broadcastOperands(inputs: readonly Tensor[], [output]: readonly TensorSpec[]): readonly Operand[] {
  const { shape } = output!;
  for (let i = 0; i < inputs.length; i++) {
    if (!sameShape(inputs[i]!.shape, shape)) return broadcastAll(inputs, shape);
  }
  return inputs;
}

function broadcastAll(inputs: readonly Tensor[], shape: Shape): Operand[] {
  const operands = new Array<Operand>(inputs.length);
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i]!;
    operands[i] = sameShape(input.shape, shape) ? input : broadcastOperand(input, shape);
  }
  return operands;
}

/** The tensor repeated to `shape` without a copy: stride 0 along the axes that are broadcast. */
export function broadcastOperand(tensor: Tensor, shape: Shape): Operand {
  return {
    storage: tensor.storage,
    shape,
    dtype: tensor.dtype,
    strides: broadcastStrides(tensor, shape),
    offset: tensor.offset,
  };
}

/** `shape` must be one that the tensor's shape broadcasts to. */
export function broadcastStrides(tensor: Tensor, shape: Shape): number[] {
  const own = tensor.shape;
  const missing = shape.length - own.length;
  const strides = new Array<number>(shape.length);
  for (let i = 0; i < strides.length; i++) strides[i] = 0;
  const given = tensor.strides;
  let contiguous = 1;
  for (let i = own.length - 1; i >= 0; i--) {
    if (own[i] !== 1) strides[missing + i] = given === null ? contiguous : given[i]!;
    contiguous *= own[i]!;
  }
  return strides;
}
