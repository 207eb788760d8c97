import * as layers from "../layers/index.js";
import type { Config, Json } from "../config.js";

/** How layers of a class go between Keras' configurations and nabla. Options differ in spelling alone, unless it is said here. */
export interface KerasLayer {
  readonly layer: new (options: never) => object;
  /** Options that Keras calls otherwise: Keras' name (snake_case) to nabla's. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Options of Keras that nabla does not have, with the values that change nothing; null for any. */
  readonly neutral?: Readonly<Record<string, readonly Json[] | null>>;
  /** Options that Keras has as lists of one element, and nabla as that element. */
  readonly single?: readonly string[];
  /** What tfjs has; null when it does not have the class. */
  readonly tfjs: TfjsLayer | null;
}

export interface TfjsLayer {
  /** Options that tfjs does not have, or not all of: the values that it can take, the default of nabla first. */
  readonly only?: Readonly<Record<string, readonly Json[]>>;
  /** Options for which tfjs has another default than nabla. */
  readonly defaults?: Config;
  /** Weights that tfjs calls otherwise: nabla's name to that of tfjs. */
  readonly weights?: Readonly<Record<string, string>>;
}

const PADDING = { padding: ["valid", "same"] };
const LAST = { dataFormat: ["channelsLast"] };
const NOT_GROUPED = { groups: [1] };
/** Implementations, of which nabla chooses by itself. */
const RECURRENT = { implementation: null, unroll: null, time_major: [false], use_cudnn: null };
const RECURRENT_IN_TFJS = { zeroOutputForMask: [false], stateful: [false] };
const ROW = ["kernel_size", "strides", "dilation_rate", "pool_size"];
const KEEP_DIMS = { keepdims: "keepDims" };
const NOT_KEPT = { keepDims: [false] };

/** By the names that the classes have in a configuration. */
export const KERAS_LAYERS: Readonly<Record<string, KerasLayer>> = {
  Activation: { layer: layers.Activation, tfjs: {} },
  Add: { layer: layers.Add, tfjs: {} },
  Average: { layer: layers.Average, tfjs: {} },
  AveragePooling1D: { layer: layers.AveragePooling1D, single: ROW, tfjs: { only: { ...PADDING, ...LAST } } },
  AveragePooling2D: { layer: layers.AveragePooling2D, tfjs: { only: PADDING } },
  BatchNormalization: {
    layer: layers.BatchNormalization,
    neutral: {
      fused: null,
      virtual_batch_size: [],
      adjustment: [],
      synchronized: [false],
      renorm: [false],
      renorm_clipping: null,
      renorm_momentum: null,
    },
    single: ["axis"],
    tfjs: {},
  },
  Bidirectional: { layer: layers.Bidirectional, tfjs: {} },
  Concatenate: { layer: layers.Concatenate, tfjs: {} },
  Conv1D: {
    layer: layers.Conv1D,
    single: ROW,
    tfjs: { only: { ...PADDING, ...NOT_GROUPED } },
  },
  Conv2D: { layer: layers.Conv2D, tfjs: { only: { ...PADDING, ...NOT_GROUPED } } },
  Conv2DTranspose: {
    layer: layers.Conv2DTranspose,
    neutral: NOT_GROUPED,
    tfjs: { only: { ...PADDING, outputPadding: [null], dilationRate: [1, [1, 1]] } },
  },
  Cropping2D: { layer: layers.Cropping2D, tfjs: {} },
  Dense: { layer: layers.Dense, neutral: { lora_rank: [], quantization_config: [] }, tfjs: {} },
  DepthwiseConv2D: {
    layer: layers.DepthwiseConv2D,
    neutral: NOT_GROUPED,
    tfjs: { only: PADDING, weights: { kernel: "depthwise_kernel" } },
  },
  Dropout: { layer: layers.Dropout, neutral: { noise_shape: [] }, tfjs: {} },
  ELU: { layer: layers.ELU, tfjs: { only: { alpha: [1] } } },
  Embedding: {
    layer: layers.Embedding,
    neutral: { input_length: null, sparse: [false], lora_rank: [], quantization_config: [] },
    tfjs: {},
  },
  Flatten: { layer: layers.Flatten, neutral: { data_format: ["channels_last"] }, tfjs: {} },
  GlobalAveragePooling1D: {
    layer: layers.GlobalAveragePooling1D,
    renamed: KEEP_DIMS,
    tfjs: { only: { ...NOT_KEPT, ...LAST } },
  },
  GlobalAveragePooling2D: { layer: layers.GlobalAveragePooling2D, renamed: KEEP_DIMS, tfjs: { only: NOT_KEPT } },
  GlobalMaxPooling1D: {
    layer: layers.GlobalMaxPooling1D,
    renamed: KEEP_DIMS,
    tfjs: { only: { ...NOT_KEPT, ...LAST } },
  },
  GlobalMaxPooling2D: { layer: layers.GlobalMaxPooling2D, renamed: KEEP_DIMS, tfjs: { only: NOT_KEPT } },
  GroupNormalization: { layer: layers.GroupNormalization, tfjs: null },
  GRU: { layer: layers.GRU, neutral: RECURRENT, tfjs: null },
  LayerNormalization: { layer: layers.LayerNormalization, neutral: { rms_scaling: [false] }, tfjs: {} },
  LeakyReLU: { layer: layers.LeakyReLU, renamed: { alpha: "negativeSlope" }, tfjs: {} },
  LSTM: {
    layer: layers.LSTM,
    neutral: RECURRENT,
    tfjs: { only: RECURRENT_IN_TFJS, defaults: { recurrentActivation: "sigmoid" } },
  },
  Masking: { layer: layers.Masking, tfjs: {} },
  Maximum: { layer: layers.Maximum, tfjs: {} },
  MaxPooling1D: { layer: layers.MaxPooling1D, single: ROW, tfjs: { only: { ...PADDING, ...LAST } } },
  MaxPooling2D: { layer: layers.MaxPooling2D, tfjs: { only: PADDING } },
  Minimum: { layer: layers.Minimum, tfjs: {} },
  Multiply: { layer: layers.Multiply, tfjs: {} },
  Permute: { layer: layers.Permute, tfjs: {} },
  PReLU: { layer: layers.PReLU, tfjs: {} },
  ReLU: { layer: layers.ReLU, tfjs: { only: { negativeSlope: [0], threshold: [0] } } },
  RepeatVector: { layer: layers.RepeatVector, tfjs: {} },
  Reshape: { layer: layers.Reshape, tfjs: {} },
  RMSNormalization: { layer: layers.RMSNormalization, tfjs: null },
  SeparableConv2D: {
    layer: layers.SeparableConv2D,
    neutral: { ...NOT_GROUPED, kernel_initializer: null },
    tfjs: { only: PADDING },
  },
  SimpleRNN: { layer: layers.SimpleRNN, neutral: RECURRENT, tfjs: { only: RECURRENT_IN_TFJS } },
  Softmax: { layer: layers.Softmax, tfjs: { only: { axis: [-1, 1] }, defaults: { axis: -1 } } },
  SpatialDropout2D: { layer: layers.SpatialDropout2D, neutral: { noise_shape: [] }, tfjs: null },
  Subtract: { layer: layers.Subtract, tfjs: null },
  TimeDistributed: { layer: layers.TimeDistributed, tfjs: {} },
  UpSampling2D: { layer: layers.UpSampling2D, tfjs: {} },
  ZeroPadding2D: { layer: layers.ZeroPadding2D, tfjs: {} },
};
