import { checkPositive } from "../checks.js";
import { depthwiseConv2d } from "../ops/depthwiseConv2d.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import { Convolution2D, type Convolution2DOptions } from "./convolution.js";

export interface DepthwiseConv2DOptions extends Convolution2DOptions {
  /** How many channels of the result each channel makes; 1 by default. */
  depthMultiplier?: number;
  /** "glorotUniform" by default. */
  depthwiseInitializer?: InitializerLike;
}

/** Convolves each channel of images [batch, height, width, channels] by itself, with `depthMultiplier` kernels. */
export class DepthwiseConv2D extends Convolution2D {
  readonly depthMultiplier: number;
  /** [height, width, channels, depthMultiplier] */
  kernel: Tensor | undefined;
  private readonly depthwiseInitializer: InitializerLike;

  constructor(options: DepthwiseConv2DOptions) {
    super(options, ["depthMultiplier", "depthwiseInitializer"]);
    this.depthMultiplier = checkPositive(this.name, "depthMultiplier", options.depthMultiplier ?? 1);
    this.depthwiseInitializer = options.depthwiseInitializer ?? "glorotUniform";
  }

  protected override buildKernels(channels: number): void {
    this.kernel = this.addWeight({
      name: "kernel",
      shape: [...this.kernelSize, channels, this.depthMultiplier],
      initializer: this.depthwiseInitializer,
    });
  }

  protected override outputChannels(channels: number | null): number | null {
    return channels === null ? null : channels * this.depthMultiplier;
  }

  call(x: Tensor): Tensor {
    const { bias, strides, padding, dilationRate, dataFormat, activation } = this;
    const options = { bias, strides, padding, dilationRate, dataFormat, activation: activation.fused };
    return activation.finish(depthwiseConv2d(x, this.kernel!, options));
  }
}
