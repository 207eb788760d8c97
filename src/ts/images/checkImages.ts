import { ShapeError } from "../errors.js";
import { checkTensor } from "../op.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** @throws ShapeError unless these are one image [height, width, channels] or a batch of them. */
export function checkImages(op: string, images: Tensor): void {
  checkTensor(op, images);
  if (images.rank === 3 || images.rank === 4) return;
  throw new ShapeError(
    `${op}: neither an image nor a batch of them: the shape is ${formatShape(images.shape)}, ` +
      "expected [height, width, channels] or [batch, height, width, channels]",
  );
}
