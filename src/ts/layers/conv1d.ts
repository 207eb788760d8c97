import { checkPositive } from "../checks.js";
import { conv1d } from "../ops/conv1d.js";
import { rowPadding, type Padding, type SequencePadding } from "../ops/window.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Convolution, channelsPerGroup, checkGroups, type ConvolutionOptions } from "./convolution.js";
import { windowedRowShape } from "./window.js";

export interface Conv1DOptions extends ConvolutionOptions {
  /** The number of output channels. */
  filters: number;
  /** The window's length. */
  kernelSize: number;
  /** 1 by default. */
  strides?: number;
  /**
   * "valid" (no padding, the default), "same" (stride 1 keeps the length), "causal" (the same, with zeros in front only,
   * so that no step sees a later one), or zeros: one number for both ends, or [before, after].
   */
  padding?: SequencePadding | "causal";
  /** The distance of the window's elements; 1 by default. */
  dilationRate?: number;
  /** The channels are cut into so many groups, each with its own filters; 1 by default. */
  groups?: number;
  /** "glorotUniform" by default. */
  kernelInitializer?: InitializerLike;
}

const OPTIONS = ["filters", "kernelSize", "strides", "padding", "dilationRate", "groups", "kernelInitializer"];

/** Convolves sequences [batch, steps, channels] with `filters` kernels. */
export class Conv1D extends Convolution {
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides: number;
  readonly padding: SequencePadding | "causal";
  readonly dilationRate: number;
  readonly groups: number;
  /** [steps, channels / groups, filters] */
  kernel: Tensor | undefined;
  private readonly kernelInitializer: InitializerLike;

  constructor(options: Conv1DOptions) {
    super(options, OPTIONS, 3);
    this.filters = checkPositive(this.name, "filters", options.filters);
    this.kernelSize = checkPositive(this.name, "kernelSize", options.kernelSize);
    this.strides = checkPositive(this.name, "strides", options.strides ?? 1);
    this.dilationRate = checkPositive(this.name, "dilationRate", options.dilationRate ?? 1);
    this.padding = options.padding ?? "valid";
    this.imagePadding(); // Checks it.
    this.groups = checkGroups(this.name, options.groups ?? 1, this.filters);
    this.kernelInitializer = options.kernelInitializer ?? "glorotUniform";
  }

  protected override buildKernels(channels: number): void {
    const inputs = channelsPerGroup(this.name, channels, this.groups);
    this.kernel = this.addWeight({
      name: "kernel",
      shape: [this.kernelSize, inputs, this.filters],
      initializer: this.kernelInitializer,
    });
  }

  protected override outputChannels(): number {
    return this.filters;
  }

  call(x: Tensor): Tensor {
    const { bias, strides, padding, dilationRate, groups, dataFormat, activation } = this;
    const options = { bias, strides, padding, dilationRate, groups, dataFormat, activation: activation.fused };
    return activation.finish(conv1d(x, this.kernel!, options));
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const { kernelSize: size, strides: stride, dilationRate: dilation } = this;
    const row = { size, stride, dilation, padding: this.imagePadding() };
    return windowedRowShape(this.name, inputShape, this.filters, this.dataFormat, row);
  }

  private imagePadding(): Padding {
    return rowPadding(this.name, this.padding, (this.kernelSize - 1) * this.dilationRate);
  }
}
