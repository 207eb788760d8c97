import { wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { checkTensor } from "../op.js";
import type { Tensor } from "../tensor.js";
import { checkBatchShape, shapeList, type BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions, type ShapesOf, type Tensors } from "./layer.js";

export interface LambdaOptions<In extends Tensors = Tensor> extends LayerOptions {
  /** Computes the result of the input, or of the list of inputs. */
  function: (x: In, options: CallOptions) => Tensor;
  /**
   * The shape of one result, without the batch, or a function from the input's shape to the result's, both with the
   * batch. Unless it is given, a model finds the shape by a call on zeros.
   */
  outputShape?: BatchShape | ((inputShape: ShapesOf<In>) => BatchShape);
}

/**
 * Applies a function of a tensor, or of a list of tensors. What it computes of tensor ops has gradients; weights are for
 * layers of their own. The input keeps its dtype. Ends a mask.
 */
export class Lambda<In extends Tensors = Tensor> extends Layer<In> {
  readonly function: LambdaOptions<In>["function"];
  readonly outputShape: NonNullable<LambdaOptions<In>["outputShape"]> | null;
  protected override readonly castsInput = false;
  protected override readonly takesList = true;

  constructor(options: LambdaOptions<In>) {
    super(options, ["function", "outputShape"]);
    if (typeof options.function !== "function") {
      throw wrong(this.name, "function", options.function, "a function of a tensor");
    }
    this.function = options.function;
    const { outputShape = null } = options;
    this.outputShape = outputShape;
    if (outputShape !== null && typeof outputShape !== "function") {
      checkBatchShape(this.name, "outputShape", outputShape);
    }
  }

  /** @throws ArgumentError when the function gives no tensor. */
  call(x: In, options: CallOptions): Tensor {
    const y: unknown = this.function(x, options);
    checkTensor(this.name, y);
    return y;
  }

  override computeMask(): null {
    return null;
  }

  override get knowsOutputShape(): boolean {
    return this.outputShape !== null;
  }

  override computeOutputShape(inputShape: ShapesOf<In>): BatchShape {
    const { name, outputShape } = this;
    if (outputShape === null) {
      throw new ArgumentError(`${name}: the output shape is not known before a call: expected the option outputShape`);
    }
    if (typeof outputShape === "function") return checkBatchShape(name, "outputShape", outputShape(inputShape));
    return [shapeList(inputShape)[0]![0]!, ...outputShape];
  }
}
