import type { Case } from "./case.js";
import { targets } from "./targets.js";

/** Simonyan and Zisserman's network of 13 convolutions, on images of noise with random weights. */
export interface Vgg16Params {
  batch: number;
  /** Whether it is a training step of a new head on the frozen convolutions, instead of the forward pass. */
  head: boolean;
  [key: string]: number | boolean | string;
}

export const SIDE = 224;
/** [filters, convolutions] before each pooling. */
export const BLOCKS: readonly (readonly [number, number])[] = [
  [64, 2],
  [128, 2],
  [256, 3],
  [512, 3],
  [512, 3],
];
/** What the convolutions leave of an image, flattened. */
export const FEATURES = 7 * 7 * 512;
/** Units of the dense layers: the network's own, without the softmax, and the new head's. */
export const DENSE = { forward: [4096, 4096, 1000], head: [256, 10] } as const;

/** Input and output channels of all convolutions. */
export function convolutions(): { inputs: number; outputs: number; side: number }[] {
  let [inputs, side] = [3, SIDE];
  return BLOCKS.flatMap(([outputs, count]) => {
    const block = Array.from({ length: count }, (_, i) => ({ inputs: i === 0 ? inputs : outputs, outputs, side }));
    [inputs, side] = [outputs, side / 2];
    return block;
  });
}

/** Multiply-adds of the dense layers for an image. */
function denseProducts(units: readonly number[]): number {
  return units.reduce((sum, outputs, i) => sum + outputs * (units[i - 1] ?? FEATURES), 0);
}

function vgg16(batch: number, head: boolean): Case {
  const params: Vgg16Params = { batch, head };
  const base = convolutions().reduce((sum, { inputs, outputs, side }) => sum + 9 * inputs * outputs * side ** 2, 0);
  // Forward and both gradients of the head, whose first layer needs no input gradient.
  const dense = head ? 3 * denseProducts(DENSE.head) - FEATURES * DENSE.head[0] : denseProducts(DENSE.forward);
  return {
    stem: "vgg16",
    name: `VGG16 ${head ? "head step on the frozen base" : "forward"}, N=${batch}`,
    params,
    work: { flops: 2 * batch * (base + dense), peak: "fma" },
    target: targets.vgg16,
    // Sixteen layers of float32, thirteen of them perhaps by Winograd's algorithm: 2e-6 is seen.
    tolerance: 2e-5,
  };
}

const head = vgg16(8, true);

export const cases: Case[] = [
  vgg16(1, false),
  vgg16(8, false),
  head,
  {
    ...head,
    name: "peak memory: VGG16 head step, N=8",
    params: { ...head.params, layout: "contiguous" },
    work: undefined,
    measure: "memory",
    target: targets.memory,
  },
];
