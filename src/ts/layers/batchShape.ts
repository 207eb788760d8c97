import { wrong } from "../checks.js";
import { ShapeError } from "../errors.js";

/** A shape in which null stands for a size that only the data knows, such as that of the batch. */
export type BatchShape = readonly (number | null)[];

/** `[null,28,28,1]` */
export function formatBatchShape(shape: BatchShape): string {
  return `[${shape.map(String).join(",")}]`;
}

/** @throws ArgumentError unless every size is null or a positive integer. */
export function checkBatchShape(op: string, name: string, shape: unknown): BatchShape {
  const isSize = (size: unknown): boolean => size === null || (Number.isSafeInteger(size) && (size as number) >= 1);
  if (Array.isArray(shape) && shape.every(isSize)) return shape as BatchShape;
  throw wrong(op, name, shape, "an array of positive integers, or null for a size that is not known");
}

/** A size that a layer needs to know for its weights. @throws ShapeError when it is null. */
export function knownSize(op: string, shape: BatchShape, axis: number): number {
  const size = shape.at(axis);
  if (typeof size === "number") return size;
  throw new ShapeError(
    `${op}: axis ${axis} of the input must be known to build the weights: the input is ${formatBatchShape(shape)}`,
  );
}

/** The shapes of several tensors, or that of one in a list. */
export function shapeList(shape: BatchShape | readonly BatchShape[]): readonly BatchShape[] {
  return Array.isArray(shape[0]) ? (shape as readonly BatchShape[]) : [shape as BatchShape];
}

export function sameBatchShape(a: BatchShape, b: BatchShape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
