import type { Device } from "../device.js";
import { checkRange } from "../checks.js";
import { keep } from "../memory.js";
import { add } from "../ops/binary.js";
import { tensor } from "../ops/creation.js";
import { slice } from "../ops/slice.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface PositionalEncodingOptions extends LayerOptions {
  /** How many times as long as the first wavelength, 2π, the others may become; 10,000 by default. */
  maxWavelength?: number;
}

/**
 * Adds to sequences [batch, time, features] what tells their steps apart: sines and cosines of the step's number, with
 * wavelengths that grow from feature to feature (Vaswani et al., "Attention is all you need", 2017, section 3.5):
 * `sin(step / maxWavelength ** (2 i / features))` to feature 2i, and the cosine of the same to feature 2i + 1.
 * Without weights, for sequences of any length. The mask of the sequences is that of the result.
 */
export class PositionalEncoding extends Layer {
  readonly maxWavelength: number;
  /** The encodings of the first steps, [steps, features]. */
  private table: Tensor | null = null;

  constructor(options: PositionalEncodingOptions = {}) {
    super(options, ["maxWavelength"]);
    this.maxWavelength = checkRange(this.name, "maxWavelength", options.maxWavelength ?? 10_000, 1);
    this.inputSpec = { rank: 3 };
  }

  override build(inputShape: BatchShape): void {
    this.inputSpec = { rank: 3, axes: { [-1]: knownSize(this.name, inputShape, -1) } };
  }

  call(x: Tensor): Tensor {
    const [, time, features] = x.shape as [number, number, number];
    return add(x, slice(this.encodings(time, features, x.device), [[0, time]]));
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }

  /** A table of at least `time` steps. */
  private encodings(time: number, features: number, device: Device): Tensor {
    const known = this.table?.shape[0] ?? -1;
    if (this.table !== null && this.table.device === device && known >= time) return this.table;
    this.table?.dispose();
    // Twice as long as before: sequences that grow step by step do not make a table each.
    const steps = Math.max(time, 2 * known);
    this.table = keep(tensor(this.compute(steps, features), { shape: [steps, features], dtype: this.dtype, device }));
    return this.table;
  }

  private compute(steps: number, features: number): Float64Array {
    const values = new Float64Array(steps * features);
    for (let feature = 0; feature < features; feature++) {
      const odd = feature % 2;
      const frequency = this.maxWavelength ** ((odd - feature) / features);
      for (let step = 0; step < steps; step++) {
        values[step * features + feature] = odd ? Math.cos(step * frequency) : Math.sin(step * frequency);
      }
    }
    return values;
  }
}
