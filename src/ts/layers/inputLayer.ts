import type { Config } from "../config.js";
import { isFloating, type DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { checkBatchShape, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { SymbolicTensor, type LayerCall } from "./symbolic.js";

export interface InputLayerOptions extends Omit<LayerOptions, "inputShape" | "dtype"> {
  /** The shape of one sample, without the batch; null for a size that only the data knows. */
  shape: BatchShape;
  /** What the samples are expected to be; float32 by default. Nothing is cast to it: layers cast what they take. */
  dtype?: DType;
}

/** States the shape of a model's input; passes it on. */
export class InputLayer extends Layer {
  readonly inputDType: DType;
  protected override readonly castsInput = false;

  constructor(options: InputLayerOptions) {
    const { shape, dtype = "float32", ...rest } = options;
    const float = isFloating(dtype) ? (dtype as "float32" | "float64") : "float32";
    super({ ...rest, dtype: float, inputShape: checkBatchShape("InputLayer", "shape", shape) }, []);
    this.inputDType = dtype;
    const axes = this.batchInputShape!.flatMap((size, axis) => (size === null ? [] : [[axis, size] as const]));
    this.inputSpec = { rank: this.batchInputShape!.length, axes: Object.fromEntries(axes) };
  }

  call(x: Tensor): Tensor {
    return x;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }

  override getConfig(): Config {
    const { inputShape, ...config } = super.getConfig();
    return { ...config, shape: inputShape!, dtype: this.inputDType };
  }
}

/**
 * The beginning of a graph of layers: a symbolic tensor of the shape [batch, …shape].
 *
 * @throws ArgumentError for a shape of other sizes than positive integers and null.
 */
export function Input(options: InputLayerOptions): SymbolicTensor {
  const layer = new InputLayer(options);
  const outputs: SymbolicTensor[] = [];
  const source: LayerCall = { layer, inputs: [], takesList: false, options: {}, outputs, givesList: false };
  outputs.push(new SymbolicTensor(layer.batchInputShape!, layer.inputDType, source, 0));
  return outputs[0]!;
}
