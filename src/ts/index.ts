// Tensors
export { Tensor, type NestedArray } from "./tensor.js";
export type { DType, HalfDType, TypedArray, TypedArrayOf } from "./dtype.js";
export type { Shape } from "./shape.js";
export {
  arange,
  full,
  ones,
  tensor,
  zeros,
  type CreationOptions,
  type TensorData,
  type TensorOptions,
} from "./ops/creation.js";
export { eye } from "./ops/eye.js";
export { fromBuffer, type FromBufferOptions } from "./ops/fromBuffer.js";
export { linspace, type LinspaceOptions } from "./ops/linspace.js";
export { oneHot, type OneHotOptions } from "./ops/oneHot.js";
export {
  bernoulli,
  permutation,
  rand,
  randint,
  randn,
  shuffle,
  truncatedNormal,
  type BernoulliOptions,
  type PermutationOptions,
  type RandintOptions,
  type RandnOptions,
  type RandOptions,
  type ShuffleOptions,
} from "./ops/random.js";

// Ops
export { add, div, maximum, minimum, mul, pow, sub, type AddOptions } from "./ops/binary.js";
export {
  abs,
  ceil,
  clip,
  cos,
  erf,
  exp,
  expm1,
  floor,
  isNaN,
  log,
  log1p,
  neg,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  tanh,
} from "./ops/unary.js";
export {
  elu,
  gelu,
  leakyRelu,
  selu,
  silu,
  softplus,
  type EluOptions,
  type GeluOptions,
  type LeakyReluOptions,
} from "./ops/activation.js";
export {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
} from "./ops/compare.js";
export { where } from "./ops/where.js";
export type { Scalar } from "./ops/scalar.js";
export { cast } from "./ops/cast.js";
export {
  all,
  any,
  argMax,
  argMin,
  max,
  mean,
  min,
  prod,
  sum,
  type ArgReduceOptions,
  type ReduceOptions,
} from "./ops/reduce.js";
export { std, variance, type VarianceOptions } from "./ops/variance.js";
export { logSumExp } from "./ops/logSumExp.js";
export { norm, type NormOptions } from "./ops/norm.js";
export { cumSum, type CumSumOptions } from "./ops/cumSum.js";
export { argSort, sort, topK, type SortOptions, type TopKOptions, type TopKResult } from "./ops/sort.js";
export { expandDims, flatten, reshape, squeeze } from "./ops/reshape.js";
export { permute, transpose } from "./ops/transpose.js";
export { index, slice, type IndexItem, type SliceRange } from "./ops/slice.js";
export { concat, stack } from "./ops/concat.js";
export { split } from "./ops/split.js";
export { repeat, tile } from "./ops/tile.js";
export { pad, type PadMode, type PadOptions, type PadWidths } from "./ops/pad.js";
export { flip, roll } from "./ops/flip.js";
export { tril, triu } from "./ops/tril.js";
export { broadcastTo } from "./ops/broadcast.js";
export { gather, scatterAdd, type Indices } from "./ops/gather.js";
export { takeAlongAxis } from "./ops/takeAlongAxis.js";
export { embedding } from "./ops/embedding.js";
export { matmul, type MatmulActivationName, type MatmulOptions } from "./ops/matmul.js";
export { dot, outer } from "./ops/dot.js";
export { einsum } from "./ops/einsum.js";
export { conv1d, type Conv1dOptions } from "./ops/conv1d.js";
export { conv2d, type Conv2dOptions } from "./ops/conv2d.js";
export { depthwiseConv2d, type DepthwiseConv2dOptions } from "./ops/depthwiseConv2d.js";
export { convTranspose2d, type ConvTranspose2dOptions } from "./ops/convTranspose2d.js";
export { maxPool2d, type MaxPool2dOptions } from "./ops/maxPool2d.js";
export { avgPool2d, type AvgPool2dOptions } from "./ops/avgPool2d.js";
export { globalAvgPool2d, type GlobalAvgPool2dOptions } from "./ops/globalAvgPool2d.js";
export { resize2d, type Resize2dOptions } from "./ops/resize2d.js";
export type { Padding } from "./ops/window.js";
export type { ActivationName } from "./ops/activation-grad.js";
export { logSoftmax, softmax } from "./ops/softmax.js";
export { batchNorm, batchNormTraining, type BatchNormOptions, type BatchNormTraining } from "./ops/batchNorm.js";
export { groupNorm, type GroupNormOptions } from "./ops/groupNorm.js";
export { layerNorm, type LayerNormOptions } from "./ops/layerNorm.js";
export { rmsNorm, type RmsNormOptions } from "./ops/rmsNorm.js";
export { softmaxCrossEntropy, type SoftmaxCrossEntropyOptions } from "./ops/softmaxCrossEntropy.js";
export { dropout } from "./ops/dropout.js";
export { lstm, type LstmOptions } from "./ops/lstm.js";
export { gru, type GruOptions } from "./ops/gru.js";
export { simpleRnn, type SimpleRnnOptions } from "./ops/simpleRnn.js";
export type { RecurrentOptions, RecurrentResult } from "./ops/recurrent.js";
export { scaledDotProductAttention, type ScaledDotProductAttentionOptions } from "./ops/scaledDotProductAttention.js";

// Layers and training
export * as layers from "./layers/index.js";
export { Input, type InputLayerOptions } from "./layers/inputLayer.js";
export { SymbolicTensor, type SymbolicOf } from "./layers/symbolic.js";
export { Model, type ModelOptions, type SummaryOptions } from "./models/model.js";
export type { CompileOptions, PerOutput } from "./models/compile.js";
export { loadModel, type LoadModelOptions } from "./models/loadModel.js";
export type { SaveOptions } from "./models/saving.js";
export { Sequential, type SequentialOptions } from "./models/sequential.js";
export * from "./transformers/index.js";
export type { BertActivation } from "./transformers/activation.js";
export type { BertConfig } from "./transformers/bertConfig.js";
export type { DistilBertConfig } from "./transformers/distilBertConfig.js";
export type { FromPretrainedOptions, PretrainedModel, PretrainedModelOptions } from "./transformers/pretrainedModel.js";
export { History, type Logs } from "./models/history.js";
export type { Callback } from "./models/callbacks.js";
export type { PredictOptions } from "./models/predict.js";
export type { ModelInput, ModelInputs } from "./models/samples.js";
export type { EvaluateOptions } from "./models/evaluate.js";
export type { FitOptions, TrainOptions } from "./models/fitOptions.js";
export type { TrainEvent } from "./models/train.js";
export * as AutoTokenizer from "./tokenizers/autoTokenizer.js";
export {
  Tokenizer,
  type BatchEncoding,
  type DecodeOptions,
  type Encoding,
  type TextInput,
} from "./tokenizers/tokenizer.js";
export type { EncodeOptions } from "./tokenizers/lengths.js";
export type { PretrainedOptions } from "./hub/pretrained.js";
export * as callbacks from "./callbacks/index.js";
export * as optimizers from "./optimizers/index.js";
export * as losses from "./losses.js";
export * as metrics from "./metrics.js";
export * as initializers from "./initializers.js";
export * as applications from "./applications/index.js";
export * as data from "./data/index.js";
export * as datasets from "./data/datasets.js";
export * as images from "./images/index.js";
export * as io from "./io/index.js";
export type { ActivationFunction, ActivationLike } from "./activations.js";
export type { InitializerLike, LossLike, MetricLike, OptimizerLike } from "./resolve.js";

// Autograd, memory, environment
export { noGrad, type BackwardOptions } from "./autograd.js";
export { grad, valueAndGrad, type GradientsOf, type GradOptions } from "./grad.js";
export { customGrad, type CustomGrad } from "./customGrad.js";
export { checkGradients, type CheckGradientsOptions } from "./checkGradients.js";
export { detectAnomaly } from "./anomaly.js";
export { assign } from "./ops/assign.js";
export { keep, memory, tidy, type MemoryInfo } from "./memory.js";
export { setSeed } from "./random.js";
export { devices, withDevice, type Device, type DeviceInfo } from "./device.js";
export { to } from "./ops/to.js";
export {
  AnomalyError,
  ArgumentError,
  DeviceError,
  DTypeError,
  FormatError,
  IndexError,
  NablaError,
  NativeError,
  NetworkError,
  OutOfMemoryError,
  ShapeError,
} from "./errors.js";
import "./print.js";
