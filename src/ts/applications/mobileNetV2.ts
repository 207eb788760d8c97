import { wrong } from "../checks.js";
import { Add } from "../layers/add.js";
import { BatchNormalization } from "../layers/batchNormalization.js";
import { Conv2D } from "../layers/conv2d.js";
import { DepthwiseConv2D } from "../layers/depthwiseConv2d.js";
import { GlobalAveragePooling2D } from "../layers/globalAveragePooling2d.js";
import { Input } from "../layers/inputLayer.js";
import type { FloatDType } from "../layers/layer.js";
import { ReLU } from "../layers/relu.js";
import type { SymbolicTensor } from "../layers/symbolic.js";
import { ZeroPadding2D } from "../layers/zeroPadding2d.js";
import { Model } from "../models/model.js";
import { checkApplication, pooled, predictions, type Application, type ApplicationOptions } from "./application.js";
import { kerasLayout, withWeights } from "./weightFile.js";

export interface MobileNetV2Options extends ApplicationOptions {
  /** By which the numbers of filters are multiplied; 1 by default. */
  alpha?: number;
}

/** The bottlenecks: how much wider they are inside, their filters, how many there are, the stride of the first. */
const BOTTLENECKS = [
  { expansion: 1, filters: 16, count: 1, stride: 1 },
  { expansion: 6, filters: 24, count: 2, stride: 2 },
  { expansion: 6, filters: 32, count: 3, stride: 2 },
  { expansion: 6, filters: 64, count: 4, stride: 2 },
  { expansion: 6, filters: 96, count: 3, stride: 1 },
  { expansion: 6, filters: 160, count: 3, stride: 2 },
  { expansion: 6, filters: 320, count: 1, stride: 1 },
];
const FIRST_FILTERS = 32;
const LAST_FILTERS = 1280;
const LARGEST = 6;

/**
 * MobileNetV2 (Sandler et al., 2018) for images [batch, height, width, channels], with the layers and names of Keras'
 * `applications.MobileNetV2`. The images are to be preprocessed by {@link preprocessInput} with the mode "tf".
 *
 * `weights` is a safetensors file with Keras' names (`block_1_expand/kernel`, as `saveWeights` writes them); what it has of a top is
 * left aside without `includeTop`. torchvision's weights are for another network: it pads images elsewhere, and its
 * normalizations have another epsilon.
 *
 * @throws ArgumentError for an option that is out of range, or a file that is not there.
 * @throws FormatError for a file that is not what it should be; it lists all tensors that do not fit.
 */
export async function MobileNetV2(options: MobileNetV2Options = {}): Promise<Model> {
  const op = "applications.MobileNetV2";
  const application = checkApplication(op, options, ["alpha"]);
  const { alpha = 1 } = options;
  if (!Number.isFinite(alpha) || alpha <= 0) throw wrong(op, "alpha", alpha, "a positive number");
  return withWeights(
    op,
    application.weights,
    () => build(application, alpha),
    (model) => kerasLayout(model, application.includeTop, ["predictions"]),
  );
}

function build(application: Application, alpha: number): Model {
  const { inputShape, includeTop, dtype } = application;
  const inputs = Input({ shape: inputShape, dtype });
  const filters = divisible(FIRST_FILTERS * alpha);
  const conv = { filters, kernelSize: 3, strides: 2, padding: "same", useBias: false, name: "Conv1", dtype } as const;
  let x = relu6("Conv1_relu", normalized("bn_Conv1", new Conv2D(conv).apply(inputs), dtype), dtype);
  let block = 0;
  for (const { expansion, filters: wide, count, stride: first } of BOTTLENECKS) {
    const narrow = divisible(Math.trunc(wide * alpha));
    for (let i = 0; i < count; i++) {
      const prefix = block === 0 ? "expanded_conv" : `block_${block}`;
      x = bottleneck(prefix, x, { expansion, filters: narrow, stride: i === 0 ? first : 1, dtype });
      block++;
    }
  }
  x = pointwise("Conv_1", x, alpha > 1 ? divisible(LAST_FILTERS * alpha) : LAST_FILTERS, dtype);
  x = relu6("out_relu", normalized("Conv_1_bn", x, dtype), dtype);
  const outputs = includeTop
    ? predictions(application).apply(new GlobalAveragePooling2D({ dtype }).apply(x))
    : pooled(x, application);
  const name = application.name ?? `mobilenetv2_${alpha.toFixed(2)}_${inputShape[0] ?? "None"}`;
  return new Model({ inputs, outputs, name, dtype });
}

interface BottleneckOptions {
  /** How much wider it is inside. */
  readonly expansion: number;
  readonly filters: number;
  readonly stride: number;
  readonly dtype: FloatDType;
}

/** Wider, then each channel by itself, then narrow again; added to `x` where shapes allow it. */
function bottleneck(
  prefix: string,
  x: SymbolicTensor,
  { expansion, filters, stride, dtype }: BottleneckOptions,
): SymbolicTensor {
  const channels = x.shape.at(-1)!;
  let y = x;
  if (expansion > 1) {
    y = normalized(`${prefix}_expand_BN`, pointwise(`${prefix}_expand`, y, expansion * channels, dtype), dtype);
    y = relu6(`${prefix}_expand_relu`, y, dtype);
  }
  if (stride === 2) y = new ZeroPadding2D({ padding: padding(y), name: `${prefix}_pad`, dtype }).apply(y);
  y = new DepthwiseConv2D({
    kernelSize: 3,
    strides: stride,
    padding: stride === 1 ? "same" : "valid",
    useBias: false,
    name: `${prefix}_depthwise`,
    dtype,
  }).apply(y);
  y = relu6(`${prefix}_depthwise_relu`, normalized(`${prefix}_depthwise_BN`, y, dtype), dtype);
  y = normalized(`${prefix}_project_BN`, pointwise(`${prefix}_project`, y, filters, dtype), dtype);
  return stride === 1 && channels === filters ? new Add({ name: `${prefix}_add`, dtype }).apply([x, y]) : y;
}

function pointwise(name: string, x: SymbolicTensor, filters: number, dtype: FloatDType): SymbolicTensor {
  return new Conv2D({ filters, kernelSize: 1, padding: "same", useBias: false, name, dtype }).apply(x);
}

function normalized(name: string, x: SymbolicTensor, dtype: FloatDType): SymbolicTensor {
  return new BatchNormalization({ epsilon: 1e-3, momentum: 0.999, name, dtype }).apply(x);
}

function relu6(name: string, x: SymbolicTensor, dtype: FloatDType): SymbolicTensor {
  return new ReLU({ maxValue: LARGEST, name, dtype }).apply(x);
}

/** What makes windows of 3 x 3 with stride 2 end at the last pixel: of even sizes, and of those not known, none before. */
function padding({ shape: [, height, width] }: SymbolicTensor): [[number, number], [number, number]] {
  const before = (size: number | null | undefined): number => (height === null ? 0 : size! % 2);
  return [
    [before(height), 1],
    [before(width), 1],
  ];
}

/** The multiple of 8 that is nearest, but at least 8 and not below 0.9 of the number. */
function divisible(value: number): number {
  const nearest = Math.max(8, Math.floor((value + 4) / 8) * 8);
  return nearest < 0.9 * value ? nearest + 8 : nearest;
}
