import { describe, expect, test } from "vitest";
import { conv2d, tensor, type Tensor } from "nabla";
import { cases, large } from "../cases/conv2d.js";
import { conv2d as reference } from "../reference/conv2d.js";
import { checkOp, type OpCheck } from "../support/check-op.js";
import { checkSecondDerivatives } from "../support/second-derivative.js";

const run: OpCheck<(typeof cases)[number]["attrs"]>["run"] = ([x, kernel, bias], attrs) =>
  conv2d(x!, kernel!, bias ? { ...attrs, bias } : attrs);

// Sums of up to 288 products around 1. Winograd's transforms cancel: over the layers of VGG16 its rms error is 3 to 4
// times that of adding the products one by one, and the greatest of few elements about twice.
const float32 = process.env["NABLA_CONV"] === "winograd" ? 4e-5 : 2e-5;
checkOp({
  op: "conv2d",
  cases: [...cases, ...large],
  run,
  reference,
  tolerance: { float32, float64: 1e-12 },
});
// The slope of relu jumps.
const smooth = cases.filter(({ inputs, attrs }) => inputs[0]!.shape[0] !== 0 && attrs.activation !== "relu");
checkSecondDerivatives({ op: "conv2d", cases: smooth, run });

describe("gradients of gradients", () => {
  const values = (n: number, factor: number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => Math.sin(i * factor + 1));
  const x = () => tensor(values(16, 0.7), { shape: [1, 4, 4, 1], requiresGrad: true });
  const w = () => tensor(values(8, 1.3), { shape: [2, 2, 1, 2], requiresGrad: true });
  const bias = () => tensor(values(2, 2.1), { requiresGrad: true });

  /** sum of the squared gradients of sum(conv(x, w) ** 2), whose slopes we measure. */
  const penalty = (inputs: Tensor<"float64">[]) => {
    const [a, b, c] = inputs;
    const y = conv2d(a!, b!, { bias: c!, activation: "tanh", padding: "same" });
    for (const input of inputs) input.grad = null;
    y.mul(y).sum().backward(undefined, { createGraph: true });
    const parts = inputs.map((input) => input.grad!.square().sum());
    for (const input of inputs) input.grad = null;
    return parts[0]!.add(parts[1]!).add(parts[2]!);
  };

  test.each([0, 1, 2])("by input %i", (which) => {
    const inputs: Tensor<"float64">[] = [x(), w(), bias()];
    penalty(inputs).backward();
    const got = inputs[which]!.grad!.dataSync();
    const data = inputs[which]!.dataSync() as Float64Array;
    const at = (place: number, shift: number): number => {
      const moved = inputs.slice();
      const copy = Float64Array.from(data);
      copy[place]! += shift;
      moved[which] = tensor(copy, { shape: inputs[which]!.shape, requiresGrad: true });
      return penalty(
        moved.map((t) =>
          t === moved[which] ? t : tensor(t.dataSync() as Float64Array, { shape: t.shape, requiresGrad: true }),
        ),
      ).itemSync();
    };
    for (let i = 0; i < data.length; i++) {
      const slope = (at(i, 1e-5) - at(i, -1e-5)) / 2e-5;
      // Rounding of a penalty around 100, divided by the step.
      expect(Math.abs(got[i]! - slope)).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
    }
  });
});

test("only the gradients that are wanted", () => {
  const image = tensor([1, 2, 3, 4], { shape: [1, 2, 2, 1] });
  const kernel = tensor([1], { shape: [1, 1, 1, 1], requiresGrad: true });
  conv2d(image, kernel).sum().backward();
  expect(kernel.grad!.itemSync()).toBe(10);
  expect(image.grad).toBeNull();
  const bias = tensor([0], { requiresGrad: true });
  conv2d(image, tensor([1], { shape: [1, 1, 1, 1] }), { bias })
    .sum()
    .backward();
  expect(bias.grad!.itemSync()).toBe(4);
});

test.each([
  [
    { strides: 1e9 },
    "conv2d: the window's stride is out of range: [1000000000,1000000000], expected at most 1000000 pixels",
  ],
  [
    { dilationRate: [1, 2e6] as const },
    "conv2d: the window's dilation is out of range: [1,2000000], expected at most 1000000 pixels",
  ],
  [
    { dilationRate: 800_000 },
    "conv2d: the window's span is out of range: [1600001,1600001], expected at most 1000000 pixels",
  ],
])("windows beyond what kernels count, %#", (options, message) => {
  const [x, kernel] = [
    tensor(new Float32Array(25), { shape: [1, 5, 5, 1] }),
    tensor(new Float32Array(9), { shape: [3, 3, 1, 1] }),
  ];
  expect(() => conv2d(x, kernel, options as object)).toThrow(message);
});
