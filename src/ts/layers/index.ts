export { Activation, type ActivationOptions } from "./activation.js";
export type { BatchShape } from "./batchShape.js";
export { Conv2D, type Conv2DOptions } from "./conv2d.js";
export { Dense, type DenseOptions } from "./dense.js";
export { Dropout, type DropoutOptions } from "./dropout.js";
export { Flatten } from "./flatten.js";
export { InputLayer, type InputLayerOptions } from "./inputLayer.js";
export {
  Layer,
  type CallOptions,
  type InputSpec,
  type LayerOptions,
  type ShapesOf,
  type Tensors,
  type WeightOptions,
} from "./layer.js";
export { MaxPooling2D, type MaxPooling2DOptions } from "./maxPooling2d.js";
