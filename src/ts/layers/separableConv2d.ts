import { checkPositive } from "../checks.js";
import { conv2d } from "../ops/conv2d.js";
import { depthwiseConv2d } from "../ops/depthwiseConv2d.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import { Convolution2D, type Convolution2DOptions } from "./convolution.js";

export interface SeparableConv2DOptions extends Convolution2DOptions {
  /** The number of output channels. */
  filters: number;
  /** How many channels the first convolution makes of each; 1 by default. */
  depthMultiplier?: number;
  /** "glorotUniform" by default. */
  depthwiseInitializer?: InitializerLike;
  /** "glorotUniform" by default. */
  pointwiseInitializer?: InitializerLike;
}

const OPTIONS = ["filters", "depthMultiplier", "depthwiseInitializer", "pointwiseInitializer"];

/**
 * Convolves each channel of images [batch, height, width, channels] by itself, then mixes the channels of each pixel:
 * a convolution with `filters` kernels of far fewer weights. Bias and activation come last.
 */
export class SeparableConv2D extends Convolution2D {
  readonly filters: number;
  readonly depthMultiplier: number;
  /** [height, width, channels, depthMultiplier] */
  depthwiseKernel: Tensor | undefined;
  /** [1, 1, channels * depthMultiplier, filters] */
  pointwiseKernel: Tensor | undefined;
  private readonly initializers: { depthwise: InitializerLike; pointwise: InitializerLike };

  constructor(options: SeparableConv2DOptions) {
    super(options, OPTIONS);
    this.filters = checkPositive(this.name, "filters", options.filters);
    this.depthMultiplier = checkPositive(this.name, "depthMultiplier", options.depthMultiplier ?? 1);
    this.initializers = {
      depthwise: options.depthwiseInitializer ?? "glorotUniform",
      pointwise: options.pointwiseInitializer ?? "glorotUniform",
    };
  }

  protected override buildKernels(channels: number): void {
    this.depthwiseKernel = this.addWeight({
      name: "depthwise_kernel",
      shape: [...this.kernelSize, channels, this.depthMultiplier],
      initializer: this.initializers.depthwise,
    });
    this.pointwiseKernel = this.addWeight({
      name: "pointwise_kernel",
      shape: [1, 1, channels * this.depthMultiplier, this.filters],
      initializer: this.initializers.pointwise,
    });
  }

  protected override outputChannels(): number {
    return this.filters;
  }

  call(x: Tensor): Tensor {
    const { bias, strides, padding, dilationRate, dataFormat, activation } = this;
    const deep = depthwiseConv2d(x, this.depthwiseKernel!, { strides, padding, dilationRate, dataFormat });
    const mixed = conv2d(deep, this.pointwiseKernel!, { bias, dataFormat, activation: activation.fused });
    deep.dispose();
    return activation.finish(mixed);
  }
}
