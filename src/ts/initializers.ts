import { checkFinite, checkOptions, checkRange, wrong } from "./checks.js";
import { ShapeError } from "./errors.js";
import { checkChoice } from "./ops/arguments.js";
import { mul, sub } from "./ops/binary.js";
import { cast } from "./ops/cast.js";
import { concat } from "./ops/concat.js";
import { full, tensor, zeros } from "./ops/creation.js";
import { matmul } from "./ops/matmul.js";
import { rand, randn, truncatedNormal } from "./ops/random.js";
import { reshape } from "./ops/reshape.js";
import { transpose } from "./ops/transpose.js";
import { formatShape, sizeOf, type Shape } from "./shape.js";
import type { Tensor } from "./tensor.js";

type FloatDType = "float32" | "float64";

/**
 * Makes the first values of a weight. A new one is one class here: Keras' name with a small first letter finds it. The
 * random ones draw from the generator that `setSeed` starts.
 */
export abstract class Initializer {
  abstract call(shape: Shape, dtype: FloatDType): Tensor;
}

export class Zeros extends Initializer {
  call(shape: Shape, dtype: FloatDType): Tensor {
    return full(shape, 0, { dtype });
  }
}

export class Ones extends Initializer {
  call(shape: Shape, dtype: FloatDType): Tensor {
    return full(shape, 1, { dtype });
  }
}

/** Every element is `value`, 0 by default. */
export class Constant extends Initializer {
  readonly value: number;
  constructor(options: { value?: number } = {}) {
    super();
    checkOptions("Constant", options, ["value"]);
    this.value = checkFinite("Constant", "value", options.value ?? 0);
  }
  call(shape: Shape, dtype: FloatDType): Tensor {
    return full(shape, this.value, { dtype });
  }
}

/** Uniform from `minval` (-0.05) to `maxval` (0.05). */
export class RandomUniform extends Initializer {
  readonly minval: number;
  readonly maxval: number;
  constructor(options: { minval?: number; maxval?: number } = {}) {
    super();
    checkOptions("RandomUniform", options, ["minval", "maxval"]);
    this.minval = checkFinite("RandomUniform", "minval", options.minval ?? -0.05);
    this.maxval = checkRange("RandomUniform", "maxval", options.maxval ?? 0.05, this.minval);
  }
  call(shape: Shape, dtype: FloatDType): Tensor {
    return uniform(shape, dtype, this.minval, this.maxval);
  }
}

export interface NormalOptions {
  /** 0 by default. */
  mean?: number;
  /** The standard deviation; 0.05 by default. */
  stddev?: number;
}

abstract class Normal extends Initializer {
  readonly mean: number;
  readonly stddev: number;
  constructor(options: NormalOptions = {}) {
    super();
    checkOptions(new.target.name, options, ["mean", "stddev"]);
    this.mean = checkFinite(new.target.name, "mean", options.mean ?? 0);
    this.stddev = checkRange(new.target.name, "stddev", options.stddev ?? 0.05, 0);
  }
}

export { RandomUniform as Uniform };

/** Normally distributed. */
export class RandomNormal extends Normal {
  call(shape: Shape, dtype: FloatDType): Tensor {
    return randn(shape, { mean: this.mean, deviation: this.stddev, dtype });
  }
}

/** Normally distributed, without what lies more than two standard deviations from the mean. */
export class TruncatedNormal extends Normal {
  call(shape: Shape, dtype: FloatDType): Tensor {
    return truncatedNormal(shape, { mean: this.mean, deviation: this.stddev, dtype });
  }
}

export interface VarianceScalingOptions {
  /** 1 by default. */
  scale?: number;
  /** Which number of connections divides the variance; "fanIn" by default. */
  mode?: FanMode;
  /** "truncatedNormal" by default. */
  distribution?: Distribution;
}

const FAN_MODES = ["fanIn", "fanOut", "fanAvg"] as const;
const DISTRIBUTIONS = ["truncatedNormal", "untruncatedNormal", "uniform"] as const;
export type FanMode = (typeof FAN_MODES)[number];
export type Distribution = (typeof DISTRIBUTIONS)[number];

/** The standard deviation that is left of a normal distribution of deviation 1 cut off at two deviations. */
const TRUNCATED_DEVIATION = 0.87962566103423978;

/** Random with variance `scale` divided by the number of connections into or out of the layer. */
export class VarianceScaling extends Initializer {
  readonly scale: number;
  readonly mode: FanMode;
  readonly distribution: Distribution;

  constructor(options: VarianceScalingOptions = {}) {
    super();
    checkOptions("VarianceScaling", options, ["scale", "mode", "distribution"]);
    const { scale = 1, mode = "fanIn", distribution = "truncatedNormal" } = options;
    if (!(typeof scale === "number" && scale > 0)) throw wrong("VarianceScaling", "scale", scale, "a number above 0");
    this.scale = scale;
    this.mode = checkChoice("VarianceScaling", "mode", mode, FAN_MODES);
    this.distribution = checkChoice("VarianceScaling", "distribution", distribution, DISTRIBUTIONS);
  }

  call(shape: Shape, dtype: FloatDType): Tensor {
    const { fanIn, fanOut } = fans(shape);
    const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[this.mode];
    const variance = this.scale / Math.max(1, fan);
    if (this.distribution === "uniform") {
      const limit = Math.sqrt(3 * variance);
      return uniform(shape, dtype, -limit, limit);
    }
    const deviation = Math.sqrt(variance);
    if (this.distribution === "untruncatedNormal") return randn(shape, { deviation, dtype });
    return truncatedNormal(shape, { deviation: deviation / TRUNCATED_DEVIATION, dtype });
  }
}

/** Uniform with variance 2 / (inputs + outputs) (Glorot and Bengio, 2010). */
export class GlorotUniform extends VarianceScaling {
  constructor() {
    super({ mode: "fanAvg", distribution: "uniform" });
  }
}

/** Truncated normal with variance 2 / (inputs + outputs). */
export class GlorotNormal extends VarianceScaling {
  constructor() {
    super({ mode: "fanAvg" });
  }
}

/** Uniform with variance 2 / inputs (He and others, 2015). */
export class HeUniform extends VarianceScaling {
  constructor() {
    super({ scale: 2, distribution: "uniform" });
  }
}

/** Truncated normal with variance 2 / inputs. */
export class HeNormal extends VarianceScaling {
  constructor() {
    super({ scale: 2 });
  }
}

/** Uniform with variance 1 / inputs. */
export class LecunUniform extends VarianceScaling {
  constructor() {
    super({ distribution: "uniform" });
  }
}

/** Truncated normal with variance 1 / inputs. */
export class LecunNormal extends VarianceScaling {}

/** Rows that {@link Orthogonal} makes orthogonal in JavaScript; the rest is matrix products. */
const PANEL = 32;

/**
 * A random matrix with orthonormal rows, or columns if there are more rows, times `gain` (Saxe and others, 2014). All
 * axes but the last count as rows.
 */
export class Orthogonal extends Initializer {
  readonly gain: number;
  constructor(options: { gain?: number } = {}) {
    super();
    checkOptions("Orthogonal", options, ["gain"]);
    this.gain = checkFinite("Orthogonal", "gain", options.gain ?? 1);
  }

  /** @throws ShapeError for less than two dimensions. */
  call(shape: Shape, dtype: FloatDType): Tensor {
    if (shape.length < 2) {
      throw new ShapeError(
        `Orthogonal: the weight is no matrix: its shape is ${formatShape(shape)}, expected [rows, columns]`,
      );
    }
    const [rows, columns] = [sizeOf(shape.slice(0, -1)), shape.at(-1)!];
    const matrix = orthonormalRows(Math.min(rows, columns), Math.max(rows, columns));
    const placed = rows > columns ? transpose(matrix) : matrix;
    return cast(reshape(mul(placed, this.gain), shape), dtype);
  }
}

/** [count, length] in float64: Gram and Schmidt's method on normally distributed rows, by panels. */
function orthonormalRows(count: number, length: number): Tensor {
  let done: Tensor = zeros([0, length], { dtype: "float64" });
  for (let first = 0; first < count; first += PANEL) {
    let panel: Tensor = randn([Math.min(PANEL, count - first), length], { dtype: "float64" });
    // Twice: what rounding leaves of the first time is gone after the second.
    for (let time = 0; time < 2; time++) panel = sub(panel, matmul(matmul(panel, transpose(done)), done));
    const values = panel.dataSync() as Float64Array;
    orthonormalize(values, length);
    done = concat([done, tensor(values, { shape: panel.shape })], 0);
  }
  return done;
}

function orthonormalize(values: Float64Array, length: number): void {
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  for (let start = 0; start < values.length; start += length) {
    const row = values.subarray(start, start + length);
    for (let other = 0; other < start; other += length) {
      const before = values.subarray(other, other + length);
      const along = dot(row, before);
      for (let i = 0; i < length; i++) row[i]! -= along * before[i]!;
    }
    const scale = 1 / Math.sqrt(dot(row, row));
    for (let i = 0; i < length; i++) row[i]! *= scale;
  }
}

function uniform(shape: Shape, dtype: FloatDType, low: number, high: number): Tensor {
  return rand(shape, { low, high, dtype });
}

/** Connections into and out of each unit of a dense kernel [in, out] or a convolution's [...window, in, out]. */
function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    const size = sizeOf(shape);
    return { fanIn: size, fanOut: size };
  }
  const window = sizeOf(shape.slice(0, -2));
  return { fanIn: window * shape.at(-2)!, fanOut: window * shape.at(-1)! };
}
