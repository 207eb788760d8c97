import { checkOptions } from "../checks.js";
import { ShapeError } from "../errors.js";
import { checkImages } from "../images/checkImages.js";
import { tidy } from "../memory.js";
import { checkChoice } from "../ops/arguments.js";
import { cast } from "../ops/cast.js";
import { tensor } from "../ops/creation.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

const MODES = ["caffe", "tf", "torch"] as const;

export interface PreprocessInputOptions {
  /** "caffe" by default, as VGG16 and VGG19 need it. */
  mode?: (typeof MODES)[number];
}

/** Of red, green and blue over ImageNet's training images, of 255 in "caffe" and of 1 in "torch". */
const CAFFE_MEAN = [123.68, 116.779, 103.939];
const TORCH_MEAN = [0.485, 0.456, 0.406];
const TORCH_DEVIATION = [0.229, 0.224, 0.225];

/**
 * Images as an application's weights expect them: [height, width, 3] or [batch, height, width, 3] of red, green and blue
 * from 0 to 255, of any dtype; the result is float64 for float64, otherwise float32.
 *
 * - "caffe": blue, green and red less ImageNet's mean of each, for Keras' weights of VGG16 and VGG19.
 * - "tf": from -1 to 1, for Keras' weights of MobileNetV2.
 * - "torch": divided by 255, less the mean, by the standard deviation, for torchvision's weights.
 *
 * As Keras' `imagenet_utils.preprocess_input`.
 *
 * @throws ShapeError for another shape. @throws ArgumentError for an unknown mode or option.
 */
export function preprocessInput(images: Tensor, options: PreprocessInputOptions = {}): Tensor {
  const op = "applications.preprocessInput";
  checkOptions(op, options, ["mode"]);
  const mode = checkChoice(op, "mode", options.mode ?? "caffe", MODES);
  checkImages(op, images);
  if (images.shape.at(-1) !== 3) {
    throw new ShapeError(
      `${op}: the images are not RGB: the shape is ${formatShape(images.shape)}, expected 3 channels`,
    );
  }
  return tidy(() => {
    const x = images.dtype === "float64" ? images : cast(images, "float32");
    const like = { dtype: x.dtype as "float32" | "float64", device: x.device };
    if (mode === "tf") return x.div(127.5).sub(1) as Tensor;
    if (mode === "caffe") return x.sub(tensor(CAFFE_MEAN, like)).flip(-1) as Tensor;
    return x.div(255).sub(tensor(TORCH_MEAN, like)).div(tensor(TORCH_DEVIATION, like)) as Tensor;
  });
}
