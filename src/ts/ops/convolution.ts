// What the convolutions have in common: the checks of their operands, and their dtype.
import { ShapeError } from "../errors.js";
import { promote } from "../dtype.js";
import { checkTensor } from "../op.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { checkFloating } from "./arguments.js";
import { cast } from "./cast.js";
import type { DataFormat } from "./window.js";

/** @throws ArgumentError, ShapeError, DTypeError unless these are float tensors, x and the kernel of rank `rank`. */
export function checkOperands(op: string, rank: number, x: Tensor, kernel: Tensor, bias: Tensor | undefined): void {
  checkTensor(op, x);
  checkTensor(op, kernel);
  if (bias !== undefined) checkTensor(op, bias);
  for (const [name, tensor] of [
    ["x", x],
    ["the kernel", kernel],
  ] as const) {
    if (tensor.rank !== rank) {
      throw new ShapeError(
        `${op}: ${name} does not have ${rank} dimensions: its shape is ${formatShape(tensor.shape)}`,
      );
    }
    checkFloating(op, name, tensor);
  }
  if (kernel.size === 0) throw new ShapeError(`${op}: the kernel is empty: its shape is ${formatShape(kernel.shape)}`);
  if (bias) checkFloating(op, "the bias", bias);
}

/** @throws ShapeError unless a kernel [..., channels / groups, filters] fits x. */
export function checkChannels(op: string, x: Tensor, kernel: Tensor, groups: number, dataFormat: DataFormat): void {
  const [perGroup, filters] = kernel.shape.slice(-2) as [number, number];
  if (channelsOf(x, dataFormat) === perGroup * groups && filters % groups === 0) return;
  throw new ShapeError(
    `${op}: the channels do not fit: x is ${formatShape(x.shape)} (${dataFormat}), the kernel is ${formatShape(kernel.shape)}, groups is ${groups}`,
  );
}

/** The number of channels of images or sequences. */
export function channelsOf(x: Tensor, dataFormat: DataFormat): number {
  return x.shape[dataFormat === "channelsFirst" ? 1 : x.rank - 1]!;
}

/** @throws ShapeError unless the bias, if any, has one element for each of `filters`. */
export function checkBias(op: string, bias: Tensor | undefined, filters: number): void {
  if (!bias || (bias.rank === 1 && bias.shape[0] === filters)) return;
  throw new ShapeError(`${op}: the bias does not fit: it is ${formatShape(bias.shape)}, expected [${filters}]`);
}

/** @internal `run` on the tensors, cast to the dtype that holds them all. */
export function inCommonDType(given: readonly Tensor[], run: (inputs: Tensor[]) => Tensor): Tensor {
  const dtype = given.map((tensor) => tensor.dtype).reduce((a, b) => promote(a, b));
  const inputs = given.map((input) => (input.dtype === dtype ? input : cast(input, dtype)));
  const result = run(inputs);
  inputs.forEach((input, i) => {
    if (input !== given[i]) input.dispose();
  });
  return result;
}
