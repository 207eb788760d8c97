/**
 * The rounding error of float32 convolutions by both algorithms, as a Markdown table: `npm run convolution-error`.
 *
 * All convolutions of VGG16 in their real sizes, one image, with inputs as behind a ReLU and weights as He et al.
 * initialise them ("Delving deep into rectifiers", 2015). Errors are those of all elements against the same convolution in float64:
 * the root mean square relative to that of the result, and the greatest relative to the greatest result. An engine computes by one
 * algorithm as long as it lives, so each has a thread of its own.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { conv2d, maximum, randn, setSeed, tidy, type Tensor } from "nabla";

const LAYERS: [size: number, channels: number, filters: number][] = [
  [224, 3, 64],
  [224, 64, 64],
  [112, 64, 128],
  [112, 128, 128],
  [56, 128, 256],
  [56, 256, 256],
  [56, 256, 256],
  [28, 256, 512],
  [28, 512, 512],
  [28, 512, 512],
  [14, 512, 512],
  [14, 512, 512],
  [14, 512, 512],
];
const RESULTS = ["forward", "input gradient", "weight gradient"] as const;
const ALGORITHMS = ["im2col", "winograd"] as const;

interface RoundingError {
  readonly rms: number;
  readonly greatest: number;
}

function roundingError(got: Tensor, want: Tensor): RoundingError {
  const norm = (x: Tensor): number => Math.sqrt(x.square().mean().itemSync());
  const most = (x: Tensor): number => x.abs().max().itemSync();
  const difference = got.cast("float64").sub(want);
  return { rms: norm(difference) / norm(want), greatest: most(difference) / most(want) };
}

/** y, dx and dw of a layer, in the order of RESULTS. */
function compute(inputs: readonly Tensor[], dtype: "float32" | "float64"): Tensor[] {
  const [x, w, dy] = inputs.map((input) => input.cast(dtype).detach());
  x!.requiresGrad = true;
  w!.requiresGrad = true;
  const y = conv2d(x!, w!, { padding: "same" });
  y.backward(dy!);
  return [y.detach(), x!.grad!, w!.grad!];
}

function measure(layer: number): RoundingError[] {
  return tidy(() => {
    const [size, channels, filters] = LAYERS[layer]!;
    setSeed(layer);
    const image = randn([1, size, size, channels]);
    const inputs = [
      layer === 0 ? image : maximum(image, 0), // the first layer sees the picture itself
      randn([3, 3, channels, filters], { deviation: Math.sqrt(2 / (9 * channels)) }),
      randn([1, size, size, filters]),
    ];
    const want = compute(inputs, "float64");
    return compute(inputs, "float32").map((result, i) => roundingError(result, want[i]!));
  });
}

if (isMainThread) {
  const columns: RoundingError[][][] = [];
  for (const algorithm of ALGORITHMS) {
    const worker = new Worker(new URL(import.meta.url), { env: { ...process.env, NABLA_CONV: algorithm } });
    columns.push(((await once(worker, "message")) as [RoundingError[][]])[0]);
  }
  const short = (x: number): string => x.toExponential(1).replace("e-", "e−");
  console.log(`| layer | ${RESULTS.map((name) => `${name}, rms | ${name}, greatest`).join(" | ")} |`);
  console.log(`|---|${"---|".repeat(2 * RESULTS.length)}`);
  LAYERS.forEach(([size, channels, filters], layer) => {
    const cells = RESULTS.flatMap((_, result) =>
      (["rms", "greatest"] as const).map((kind) =>
        columns.map((algorithm) => short(algorithm[layer]![result]![kind])).join(" / "),
      ),
    );
    console.log(`| ${size} px ${channels}->${filters} | ${cells.join(" | ")} |`);
  });
  const ratios = RESULTS.map((name, result) => {
    const worst = LAYERS.map((_, layer) => columns[1]![layer]![result]!.rms / columns[0]![layer]![result]!.rms);
    return `${name} ${Math.min(...worst).toFixed(1)} to ${Math.max(...worst).toFixed(1)}`;
  });
  console.log(`\nim2col / Winograd F(4x4, 3x3). The ratio of the root mean squares: ${ratios.join(", ")}.`);
} else {
  // A worker's port has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort!.postMessage(LAYERS.map((_, layer) => measure(layer)));
}
