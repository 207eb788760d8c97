import { FUSED_BY_MATMUL, resolveActivation, type Activation, type ActivationLike } from "../activations.js";
import { checkBoolean, checkPositive } from "../checks.js";
import { add } from "../ops/binary.js";
import { matmul } from "../ops/matmul.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface DenseOptions extends LayerOptions {
  /** The size of the result's last axis. */
  units: number;
  /** Applied to the result; none by default. */
  activation?: ActivationLike;
  /** Whether a bias is added; true by default. */
  useBias?: boolean;
  /** "glorotUniform" by default. */
  kernelInitializer?: InitializerLike;
  /** "zeros" by default. */
  biasInitializer?: InitializerLike;
}

/** `activation(x @ kernel + bias)` along the last axis. */
export class Dense extends Layer {
  readonly units: number;
  readonly activation: Activation<(typeof FUSED_BY_MATMUL)[number]>;
  readonly useBias: boolean;
  /** [inputs, units] */
  kernel: Tensor | undefined;
  /** [units] */
  bias: Tensor | undefined;
  private readonly initializers: { kernel: InitializerLike; bias: InitializerLike };

  constructor(options: DenseOptions) {
    super(options, ["units", "activation", "useBias", "kernelInitializer", "biasInitializer"]);
    this.units = checkPositive(this.name, "units", options.units);
    this.activation = resolveActivation(this.name, options.activation, FUSED_BY_MATMUL);
    this.useBias = checkBoolean(this.name, "useBias", options.useBias ?? true);
    this.initializers = {
      kernel: options.kernelInitializer ?? "glorotUniform",
      bias: options.biasInitializer ?? "zeros",
    };
    this.inputSpec = { minRank: 2 };
  }

  override build(inputShape: BatchShape): void {
    const inputs = knownSize(this.name, inputShape, -1);
    this.kernel = this.addWeight({
      name: "kernel",
      shape: [inputs, this.units],
      initializer: this.initializers.kernel,
    });
    if (this.useBias) {
      this.bias = this.addWeight({ name: "bias", shape: [this.units], initializer: this.initializers.bias });
    }
    this.inputSpec = { minRank: 2, axes: { [-1]: inputs } };
  }

  call(x: Tensor): Tensor {
    return this.activation.finish(this.product(x));
  }

  /** @internal `apply(x)` plus a residual of its shape, if one is given: the product adds it, where it can. */
  applyAdding(x: Tensor, residual?: Tensor): Tensor {
    if (!residual) return this.apply(x);
    // The product does not end every activation, nor what a subclass may compute.
    const isLast = this.activation.isFused && this.call === Dense.prototype.call;
    return isLast ? this.product(this.accept(x), residual) : add(this.apply(x), residual);
  }

  private product(x: Tensor, residual?: Tensor): Tensor {
    return matmul(x, this.kernel!, { bias: this.bias, activation: this.activation.fused, residual });
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return [...inputShape.slice(0, -1), this.units];
  }
}
