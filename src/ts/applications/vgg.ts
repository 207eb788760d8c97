import { Conv2D } from "../layers/conv2d.js";
import { Dense } from "../layers/dense.js";
import { Flatten } from "../layers/flatten.js";
import { Input } from "../layers/inputLayer.js";
import { MaxPooling2D } from "../layers/maxPooling2d.js";
import type { SymbolicTensor } from "../layers/symbolic.js";
import { Model } from "../models/model.js";
import type { Tensor } from "../tensor.js";
import { checkApplication, pooled, predictions, type Application, type ApplicationOptions } from "./application.js";
import { asIs, kerasLayout, withWeights, type FileLayout, type FileWeight } from "./weightFile.js";

/** The sizes of a network of this kind. */
export interface VggSizes {
  readonly name: string;
  /** For each block its number of convolutions, and their filters. */
  readonly blocks: readonly (readonly [convolutions: number, filters: number])[];
  /** Of the two hidden layers of the top. */
  readonly units: number;
}

const UNITS = 4096;
const VGG16_SIZES: VggSizes = {
  name: "vgg16",
  blocks: [
    [2, 64],
    [2, 128],
    [3, 256],
    [3, 512],
    [3, 512],
  ],
  units: UNITS,
};
const VGG19_SIZES: VggSizes = {
  name: "vgg19",
  blocks: [
    [2, 64],
    [2, 128],
    [4, 256],
    [4, 512],
    [4, 512],
  ],
  units: UNITS,
};

/** Of the layers of the top, in Keras and in torchvision. */
const TOP = ["fc1", "fc2", "predictions"];
const TORCH_TOP = ["classifier.0", "classifier.3", "classifier.6"];

/**
 * VGG16 (Simonyan and Zisserman, 2014) for images [batch, height, width, channels], with the layers and names of Keras'
 * `applications.VGG16`. The images are to be preprocessed as the weights expect it, see {@link preprocessInput}.
 *
 * `weights` is a safetensors file with Keras' names (`block1_conv1/kernel`, as `saveWeights` writes them) or with those and the
 * layout of torchvision's `vgg16` (`features.0.weight`). What it has of a top is left aside without `includeTop`.
 *
 * @throws ArgumentError for an option that is out of range, or a file that is not there.
 * @throws FormatError for a file that is not what it should be; it lists all tensors that do not fit.
 */
export function VGG16(options: ApplicationOptions = {}): Promise<Model> {
  return vgg("applications.VGG16", VGG16_SIZES, options);
}

/**
 * VGG19, which has three convolutions more than {@link VGG16} and is the same otherwise.
 *
 * @throws ArgumentError, FormatError as VGG16 does.
 */
export function VGG19(options: ApplicationOptions = {}): Promise<Model> {
  return vgg("applications.VGG19", VGG19_SIZES, options);
}

/** @internal A network of this kind of any size. */
export async function vgg(op: string, sizes: VggSizes, options: ApplicationOptions): Promise<Model> {
  const application = checkApplication(op, options);
  const { weights, includeTop } = application;
  return withWeights(
    op,
    weights,
    () => build(sizes, application),
    (model, names) =>
      names.some((name) => name.startsWith("features."))
        ? torchLayout(model, sizes, includeTop)
        : kerasLayout(model, includeTop, TOP),
  );
}

function build({ name, blocks, units }: VggSizes, application: Application): Model {
  const { inputShape, dtype } = application;
  const inputs = Input({ shape: inputShape, dtype });
  let x: SymbolicTensor = inputs;
  blocks.forEach(([convolutions, filters], b) => {
    const block = `block${b + 1}`;
    for (let c = 1; c <= convolutions; c++) {
      const conv = { filters, kernelSize: 3, activation: "relu", padding: "same" } as const;
      x = new Conv2D({ ...conv, name: `${block}_conv${c}`, dtype }).apply(x);
    }
    x = new MaxPooling2D({ poolSize: 2, name: `${block}_pool`, dtype }).apply(x);
  });
  if (application.includeTop) {
    x = new Flatten({ name: "flatten", dtype }).apply(x);
    for (const fc of ["fc1", "fc2"]) x = new Dense({ units, activation: "relu", name: fc, dtype }).apply(x);
    x = predictions(application).apply(x);
  } else {
    x = pooled(x, application);
  }
  return new Model({ inputs, outputs: x, name: application.name ?? name, dtype });
}

/**
 * torchvision's names and layouts. Its features are numbered with activations and poolings among them; kernels are
 * [filters, channels, height, width] and [units, inputs], and the inputs of the first hidden layer are the last feature map
 * flattened as [channels, height, width].
 */
function torchLayout(model: Model, { blocks }: VggSizes, includeTop: boolean): FileLayout {
  const own = model.namedWeights();
  const weights = new Map<string, FileWeight>();
  const add = (torch: string, keras: string, kernel: (weight: Tensor) => FileWeight): void => {
    weights.set(`${torch}.weight`, kernel(own.get(`${keras}/kernel`)!));
    weights.set(`${torch}.bias`, asIs(own.get(`${keras}/bias`)!));
  };
  let place = 0;
  blocks.forEach(([convolutions], b) => {
    for (let c = 1; c <= convolutions; c++, place += 2) {
      add(`features.${place}`, `block${b + 1}_conv${c}`, (kernel) => asIs(kernel.transpose([3, 2, 0, 1])));
    }
    place++;
  });
  if (!includeTop) return { weights, ignored: /^classifier\./ };
  const [height, width] = model.inputShape!.slice(1, 3).map((size) => Math.floor(size! / 2 ** blocks.length));
  const channels = blocks.at(-1)![1];
  TOP.forEach((keras, i) => {
    add(TORCH_TOP[i]!, keras, (kernel) => {
      if (i > 0) return asIs(kernel.transpose());
      const units = kernel.shape[1]!;
      const map = kernel.reshape([height!, width!, channels, units]).transpose([3, 2, 0, 1]);
      return {
        dtype: kernel.dtype,
        shape: [units, kernel.shape[0]!],
        fill: (values) => map.assign(values.reshape(map.shape)),
      };
    });
  });
  return { weights, ignored: null };
}
