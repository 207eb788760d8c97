// What the layers of convolutions have in common: their options and checks, and the bias.
import { resolveActivation, type Activation, type ActivationLike } from "../activations.js";
import { checkBoolean, checkPositive } from "../checks.js";
import { ArgumentError, ShapeError } from "../errors.js";
import { checkPair } from "../ops/arguments.js";
import { checkPadding, type Padding } from "../ops/window.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { channelAxis, checkDataFormat, windowedShape, type DataFormat, type WindowOptions } from "./window.js";

export interface ConvolutionOptions extends LayerOptions {
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
  /** Applied to the result; none by default. */
  activation?: ActivationLike;
  /** Whether a bias is added; true by default. */
  useBias?: boolean;
  /** "zeros" by default. */
  biasInitializer?: InitializerLike;
}

/** A convolution of images (rank 4) or sequences (rank 3). */
export abstract class Convolution extends Layer {
  readonly dataFormat: DataFormat;
  readonly activation: Activation;
  readonly useBias: boolean;
  /** An element for each channel of the result. */
  bias: Tensor | undefined;
  private readonly biasInitializer: InitializerLike;
  private readonly rank: 3 | 4;

  constructor(options: ConvolutionOptions, names: readonly string[], rank: 3 | 4) {
    super(options, [...names, "dataFormat", "activation", "useBias", "biasInitializer"]);
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    this.activation = resolveActivation(this.name, options.activation);
    this.useBias = checkBoolean(this.name, "useBias", options.useBias ?? true);
    this.biasInitializer = options.biasInitializer ?? "zeros";
    this.rank = rank;
    this.inputSpec = { rank };
  }

  /** Makes the kernels for inputs with so many channels. */
  protected abstract buildKernels(channels: number): void;

  /** How many channels the result has; null where it depends on those of the input, which are not known. */
  protected abstract outputChannels(channels: number | null): number | null;

  override build(inputShape: BatchShape): void {
    const axis = channelAxis(this.dataFormat);
    const channels = knownSize(this.name, inputShape, axis);
    this.buildKernels(channels);
    if (this.useBias) {
      const shape = [this.outputChannels(channels)!];
      this.bias = this.addWeight({ name: "bias", shape, initializer: this.biasInitializer });
    }
    this.inputSpec = { rank: this.rank, axes: { [axis]: channels } };
  }

  override computeMask(): null {
    return null;
  }
}

export interface Convolution2DOptions extends ConvolutionOptions {
  /** The window's [height, width], or one number for both. */
  kernelSize: number | [number, number];
  /** 1 by default. */
  strides?: number | [number, number];
  /** "valid" (no padding, the default), "same" (stride 1 keeps the size), or rows and columns of zeros. */
  padding?: Padding;
  /** The distance of the window's elements; 1 by default. */
  dilationRate?: number | [number, number];
}

/** A convolution of images [batch, height, width, channels]. */
export abstract class Convolution2D extends Convolution {
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly dilationRate: readonly [number, number];

  constructor(options: Convolution2DOptions, names: readonly string[]) {
    super(options, [...names, "kernelSize", "strides", "padding", "dilationRate"], 4);
    this.kernelSize = checkPair(this.name, "kernelSize", options.kernelSize);
    this.strides = checkPair(this.name, "strides", options.strides ?? 1);
    this.padding = checkPadding(this.name, options.padding ?? "valid");
    this.dilationRate = checkPair(this.name, "dilationRate", options.dilationRate ?? 1);
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const { name, dataFormat } = this;
    const channels = this.outputChannels(inputShape.at(channelAxis(dataFormat))!);
    return windowedShape(name, inputShape, channels, dataFormat, this.window());
  }

  protected window(): WindowOptions {
    const { kernelSize: size, strides, dilationRate: dilation, padding } = this;
    return { size, strides, dilation, padding };
  }
}

/** The number of groups that filters divide into. @throws ArgumentError */
export function checkGroups(op: string, groups: unknown, filters: number): number {
  const count = checkPositive(op, "groups", groups);
  if (filters % count === 0) return count;
  throw new ArgumentError(`${op}: the filters do not divide into groups: ${filters} by ${count}`);
}

/** The channels of a group. @throws ShapeError when they do not divide. */
export function channelsPerGroup(op: string, channels: number, groups: number): number {
  if (channels % groups === 0) return channels / groups;
  throw new ShapeError(`${op}: the channels do not divide into groups: ${channels} by ${groups}`);
}
