import { checkOptions } from "../checks.js";
import type { DType } from "../dtype.js";
import { tidy } from "../memory.js";
import { resize2d, type Resize2dOptions } from "../ops/resize2d.js";
import type { Tensor } from "../tensor.js";
import { checkImages } from "./checkImages.js";

export interface ResizeOptions {
  /** "bilinear" (the default) or "nearest". */
  method?: NonNullable<Resize2dOptions["method"]>;
}

/**
 * An image [height, width, channels], or a batch [count, height, width, channels], in another size: the op {@link resize2d},
 * which also tells the dtype: "nearest" keeps it, "bilinear" gives float32 for integers.
 *
 * "bilinear" weighs the four pixels around each place, as Keras' `Resizing` and `image_dataset_from_directory` do. PIL, and
 * torchvision with `antialias`, also average over all pixels that become one when an image shrinks: where a model was
 * trained so, photographs that are much larger than its input come out softer there.
 *
 * @throws ShapeError for what is no image or batch. @throws ArgumentError for a size that is not two positive integers, or
 * an unknown option.
 */
export function resize(
  images: Tensor,
  size: readonly [height: number, width: number],
  options: ResizeOptions = {},
): Tensor<DType> {
  checkOptions("images.resize", options, ["method"]);
  checkImages("images.resize", images);
  if (images.rank === 4) return resize2d(images, size, options);
  return tidy(() => resize2d(images.expandDims(0), size, options).squeeze(0));
}
