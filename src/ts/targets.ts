import { ShapeError } from "./errors.js";
import { cast } from "./ops/cast.js";
import { expandDims } from "./ops/reshape.js";
import { formatShape, sameShape } from "./shape.js";
import type { Tensor } from "./tensor.js";

/** Targets in the shape and dtype of the predictions: [batch] stands for [batch, 1]. @throws ShapeError */
export function alignTargets(op: string, yTrue: Tensor, yPred: Tensor): Tensor {
  const flat = yTrue.rank === yPred.rank - 1 && yPred.shape.at(-1) === 1;
  const target = flat ? expandDims(yTrue, -1) : yTrue;
  if (!sameShape(target.shape, yPred.shape)) throw targetsDiffer(op, yTrue, yPred);
  return target.dtype === yPred.dtype ? target : cast(target, yPred.dtype);
}

/** Labels of the predictions' classes as int32, one for each row of `yPred`: [batch, 1] stands for [batch]. */
export function alignLabels(op: string, yTrue: Tensor, yPred: Tensor): Tensor {
  const rows = yPred.shape.slice(0, -1);
  const flat = yTrue.rank === yPred.rank && yTrue.shape.at(-1) === 1;
  const labels = flat ? yTrue.reshape(yTrue.shape.slice(0, -1)) : yTrue;
  if (!sameShape(labels.shape, rows)) throw targetsDiffer(op, yTrue, yPred);
  return labels.dtype === "int32" ? labels : cast(labels, "int32");
}

export function targetsDiffer(op: string, yTrue: Tensor, yPred: Tensor): ShapeError {
  return new ShapeError(
    `${op}: the targets do not fit the predictions: yTrue is ${formatShape(yTrue.shape)}, yPred is ${formatShape(yPred.shape)}`,
  );
}
