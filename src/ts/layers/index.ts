export { Activation, type ActivationOptions } from "./activation.js";
export { Add } from "./add.js";
export { Average } from "./average.js";
export { AveragePooling1D, type AveragePooling1DOptions } from "./averagePooling1d.js";
export { AveragePooling2D, type AveragePooling2DOptions } from "./averagePooling2d.js";
export { BatchNormalization, type BatchNormalizationOptions } from "./batchNormalization.js";
export type { BatchShape } from "./batchShape.js";
export { Bidirectional, type BidirectionalOptions, type MergeMode } from "./bidirectional.js";
export { Concatenate, type ConcatenateOptions } from "./concatenate.js";
export { Conv1D, type Conv1DOptions } from "./conv1d.js";
export { Conv2D, type Conv2DOptions } from "./conv2d.js";
export { Conv2DTranspose, type Conv2DTransposeOptions } from "./conv2dTranspose.js";
export { Cropping2D, type Cropping2DOptions } from "./cropping2d.js";
export { Dense, type DenseOptions } from "./dense.js";
export { DepthwiseConv2D, type DepthwiseConv2DOptions } from "./depthwiseConv2d.js";
export { Dropout, type DropoutOptions } from "./dropout.js";
export { ELU, type ELUOptions } from "./elu.js";
export { Embedding, type EmbeddingOptions } from "./embedding.js";
export { Flatten } from "./flatten.js";
export { GlobalAveragePooling1D, type GlobalAveragePooling1DOptions } from "./globalAveragePooling1d.js";
export { GlobalAveragePooling2D, type GlobalAveragePooling2DOptions } from "./globalAveragePooling2d.js";
export { GlobalMaxPooling1D, type GlobalMaxPooling1DOptions } from "./globalMaxPooling1d.js";
export { GlobalMaxPooling2D, type GlobalMaxPooling2DOptions } from "./globalMaxPooling2d.js";
export { GroupNormalization, type GroupNormalizationOptions } from "./groupNormalization.js";
export { GRU, type GRUOptions } from "./gru.js";
export { InputLayer, type InputLayerOptions } from "./inputLayer.js";
export { Lambda, type LambdaOptions } from "./lambda.js";
export {
  Layer,
  type CallOptions,
  type InputSpec,
  type LayerOptions,
  type ShapesOf,
  type Tensors,
  type WeightOptions,
} from "./layer.js";
export { LayerNormalization, type LayerNormalizationOptions } from "./layerNormalization.js";
export { LeakyReLU, type LeakyReLUOptions } from "./leakyRelu.js";
export { LSTM, type LSTMOptions } from "./lstm.js";
export { Masking, type MaskingOptions } from "./masking.js";
export { Maximum } from "./maximum.js";
export { MaxPooling1D, type MaxPooling1DOptions } from "./maxPooling1d.js";
export { MaxPooling2D, type MaxPooling2DOptions } from "./maxPooling2d.js";
export { Minimum } from "./minimum.js";
export {
  MultiHeadAttention,
  type AttentionCallOptions,
  type AttentionInput,
  type MultiHeadAttentionOptions,
} from "./multiHeadAttention.js";
export { Multiply } from "./multiply.js";
export { Permute, type PermuteOptions } from "./permute.js";
export { PositionalEncoding, type PositionalEncodingOptions } from "./positionalEncoding.js";
export { PReLU, type PReLUOptions } from "./prelu.js";
export { RecurrentLayer, type RecurrentCallOptions, type RecurrentCourse, type RecurrentOptions } from "./recurrent.js";
export { ReLU, type ReLUOptions } from "./relu.js";
export { RepeatVector, type RepeatVectorOptions } from "./repeatVector.js";
export { Reshape, type ReshapeOptions } from "./reshape.js";
export { RMSNormalization, type RMSNormalizationOptions } from "./rmsNormalization.js";
export { SeparableConv2D, type SeparableConv2DOptions } from "./separableConv2d.js";
export { SimpleRNN, type SimpleRNNOptions } from "./simpleRnn.js";
export { Softmax, type SoftmaxOptions } from "./softmax.js";
export { SpatialDropout2D, type SpatialDropout2DOptions } from "./spatialDropout2d.js";
export { Subtract } from "./subtract.js";
export { TimeDistributed, type TimeDistributedOptions } from "./timeDistributed.js";
export {
  TransformerDecoderBlock,
  type TransformerDecoderBlockOptions,
  type TransformerDecoderCallOptions,
  type TransformerDecoderInput,
} from "./transformerDecoderBlock.js";
export {
  TransformerEncoderBlock,
  type TransformerEncoderBlockOptions,
  type TransformerEncoderCallOptions,
} from "./transformerEncoderBlock.js";
export { UpSampling2D, type UpSampling2DOptions } from "./upSampling2d.js";
export { ZeroPadding2D, type ZeroPadding2DOptions } from "./zeroPadding2d.js";
