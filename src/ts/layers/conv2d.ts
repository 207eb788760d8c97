import { checkPositive } from "../checks.js";
import { conv2d, type Conv2dOptions } from "../ops/conv2d.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import { Convolution2D, channelsPerGroup, checkGroups, type Convolution2DOptions } from "./convolution.js";
import type { Layer } from "./layer.js";
import { MaxPooling2D } from "./maxPooling2d.js";

export interface Conv2DOptions extends Convolution2DOptions {
  /** The number of output channels. */
  filters: number;
  /** The channels are cut into so many groups, each with its own filters; 1 by default. */
  groups?: number;
  /** "glorotUniform" by default. */
  kernelInitializer?: InitializerLike;
}

/** Convolves images [batch, height, width, channels] with `filters` kernels. */
export class Conv2D extends Convolution2D {
  readonly filters: number;
  readonly groups: number;
  /** [height, width, channels / groups, filters] */
  kernel: Tensor | undefined;
  private readonly kernelInitializer: InitializerLike;

  constructor(options: Conv2DOptions) {
    super(options, ["filters", "groups", "kernelInitializer"]);
    this.filters = checkPositive(this.name, "filters", options.filters);
    this.groups = checkGroups(this.name, options.groups ?? 1, this.filters);
    this.kernelInitializer = options.kernelInitializer ?? "glorotUniform";
  }

  protected override buildKernels(channels: number): void {
    const inputs = channelsPerGroup(this.name, channels, this.groups);
    this.kernel = this.addWeight({
      name: "kernel",
      shape: [...this.kernelSize, inputs, this.filters],
      initializer: this.kernelInitializer,
    });
  }

  protected override outputChannels(): number {
    return this.filters;
  }

  call(x: Tensor): Tensor {
    return this.activation.finish(this.convolve(x));
  }

  /** A max pooling of the result is fused, so that what it pools is never in memory as a whole. */
  override applyWith(next: Layer, x: Tensor): Tensor | null {
    // Subclasses may compute something else.
    if (this.constructor !== Conv2D || next.constructor !== MaxPooling2D) return null;
    const { poolSize, strides, padding, dataFormat, dtype, built } = next as MaxPooling2D;
    if (!built || dataFormat !== this.dataFormat || dtype !== this.dtype || !this.activation.isFused) return null;
    return this.convolve(this.accept(x), { poolSize, strides, padding });
  }

  private convolve(x: Tensor, maxPool?: Conv2dOptions["maxPool"]): Tensor {
    const { bias, strides, padding, dilationRate, groups, dataFormat, activation } = this;
    const options = { bias, strides, padding, dilationRate, groups, dataFormat, activation: activation.fused, maxPool };
    return conv2d(x, this.kernel!, options);
  }
}
