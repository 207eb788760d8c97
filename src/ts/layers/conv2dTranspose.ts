import { checkPositive } from "../checks.js";
import { checkOutputPadding, convTranspose2d } from "../ops/convTranspose2d.js";
import type { Padding } from "../ops/window.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Convolution2D, type Convolution2DOptions } from "./convolution.js";
import { transposedShape } from "./window.js";

export interface Conv2DTransposeOptions extends Convolution2DOptions {
  /** The number of output channels. */
  filters: number;
  /**
   * What is cut off the result: "valid" (nothing, the default), "same" (the result is `strides` times as large), or rows
   * and columns.
   */
  padding?: Padding;
  /** Rows and columns that the result has more, below the strides; see `convTranspose2d`. Null, the default, for none. */
  outputPadding?: number | [number, number] | null;
  /** "glorotUniform" by default. */
  kernelInitializer?: InitializerLike;
}

/**
 * The transposed convolution ("deconvolution") of images [batch, height, width, channels] with `filters` kernels, which
 * makes them larger: see `convTranspose2d`.
 */
export class Conv2DTranspose extends Convolution2D {
  readonly filters: number;
  /** Null where the padding alone says how large the result is. */
  readonly outputPadding: readonly [number, number] | null;
  /** [height, width, filters, channels] */
  kernel: Tensor | undefined;
  private readonly kernelInitializer: InitializerLike;

  constructor(options: Conv2DTransposeOptions) {
    super(options, ["filters", "outputPadding", "kernelInitializer"]);
    this.filters = checkPositive(this.name, "filters", options.filters);
    this.outputPadding = checkOutputPadding(this.name, options.outputPadding ?? undefined, this.strides);
    this.kernelInitializer = options.kernelInitializer ?? "glorotUniform";
  }

  protected override buildKernels(channels: number): void {
    this.kernel = this.addWeight({
      name: "kernel",
      shape: [...this.kernelSize, this.filters, channels],
      initializer: this.kernelInitializer,
    });
  }

  protected override outputChannels(): number {
    return this.filters;
  }

  call(x: Tensor): Tensor {
    const { bias, strides, padding, dilationRate, dataFormat, activation } = this;
    const outputPadding = this.outputPadding ?? undefined;
    const options = { bias, strides, padding, outputPadding, dilationRate, dataFormat };
    const z = convTranspose2d(x, this.kernel!, options);
    const y = activation.apply(z);
    // What other kernels compute along needs nothing of what comes before it.
    if (activation.fused !== "none") z.dispose();
    return y;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const { name, filters, dataFormat, outputPadding } = this;
    return transposedShape(name, inputShape, filters, dataFormat, { ...this.window(), outputPadding });
  }
}
