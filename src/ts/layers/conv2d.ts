import { resolveActivation, type Activation, type ActivationLike } from "../activations.js";
import { checkBoolean, checkPositive } from "../checks.js";
import { ArgumentError, ShapeError } from "../errors.js";
import { checkPair } from "../ops/arguments.js";
import { conv2d, type Conv2dOptions } from "../ops/conv2d.js";
import { checkPadding, type Padding } from "../ops/window.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { MaxPooling2D } from "./maxPooling2d.js";
import { channelAxis, checkDataFormat, windowedShape, type DataFormat } from "./window.js";

export interface Conv2DOptions extends LayerOptions {
  /** The number of output channels. */
  filters: number;
  /** The window's [height, width], or one number for both. */
  kernelSize: number | [number, number];
  /** 1 by default. */
  strides?: number | [number, number];
  /** "valid" (no padding, the default), "same" (stride 1 keeps the size), or rows and columns of zeros. */
  padding?: Padding;
  /** The distance of the window's elements; 1 by default. */
  dilationRate?: number | [number, number];
  /** The channels are cut into so many groups, each with its own filters; 1 by default. */
  groups?: number;
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
  /** Applied to the result; none by default. */
  activation?: ActivationLike;
  /** Whether a bias is added; true by default. */
  useBias?: boolean;
  /** "glorotUniform" by default. */
  kernelInitializer?: InitializerLike;
  /** "zeros" by default. */
  biasInitializer?: InitializerLike;
}

const OPTIONS = [
  "filters",
  "kernelSize",
  "strides",
  "padding",
  "dilationRate",
  "groups",
  "dataFormat",
  "activation",
  "useBias",
  "kernelInitializer",
  "biasInitializer",
];

/** Convolves images [batch, height, width, channels] with `filters` kernels. */
export class Conv2D extends Layer {
  readonly filters: number;
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly dilationRate: readonly [number, number];
  readonly groups: number;
  readonly dataFormat: DataFormat;
  readonly activation: Activation;
  readonly useBias: boolean;
  /** [height, width, channels / groups, filters] */
  kernel: Tensor | undefined;
  /** [filters] */
  bias: Tensor | undefined;
  private readonly initializers: { kernel: InitializerLike; bias: InitializerLike };

  constructor(options: Conv2DOptions) {
    super(options, OPTIONS);
    this.filters = checkPositive(this.name, "filters", options.filters);
    this.kernelSize = checkPair(this.name, "kernelSize", options.kernelSize);
    this.strides = checkPair(this.name, "strides", options.strides ?? 1);
    this.padding = checkPadding(this.name, options.padding ?? "valid");
    this.dilationRate = checkPair(this.name, "dilationRate", options.dilationRate ?? 1);
    this.groups = checkPositive(this.name, "groups", options.groups ?? 1);
    if (this.filters % this.groups !== 0) {
      throw new ArgumentError(`${this.name}: the filters do not divide into groups: ${this.filters} by ${this.groups}`);
    }
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    this.activation = resolveActivation(this.name, options.activation);
    this.useBias = checkBoolean(this.name, "useBias", options.useBias ?? true);
    this.initializers = {
      kernel: options.kernelInitializer ?? "glorotUniform",
      bias: options.biasInitializer ?? "zeros",
    };
    this.inputSpec = { rank: 4 };
  }

  override build(inputShape: BatchShape): void {
    const axis = channelAxis(this.dataFormat);
    const channels = knownSize(this.name, inputShape, axis);
    if (channels % this.groups !== 0) {
      throw new ShapeError(`${this.name}: the channels do not divide into groups: ${channels} by ${this.groups}`);
    }
    this.kernel = this.addWeight({
      name: "kernel",
      shape: [...this.kernelSize, channels / this.groups, this.filters],
      initializer: this.initializers.kernel,
    });
    if (this.useBias) {
      this.bias = this.addWeight({ name: "bias", shape: [this.filters], initializer: this.initializers.bias });
    }
    this.inputSpec = { rank: 4, axes: { [axis]: channels } };
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

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const { kernelSize: size, strides, dilationRate: dilation, padding } = this;
    const window = { size, strides, dilation, padding };
    return windowedShape(this.name, inputShape, this.filters, this.dataFormat, window);
  }
}
