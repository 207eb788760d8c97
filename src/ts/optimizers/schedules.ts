import { checkBoolean, checkFinite, checkOptions, checkPositive, checkRange, wrong } from "../checks.js";
import { recordToJson, type Config } from "../config.js";
import { ArgumentError } from "../errors.js";

/**
 * A learning rate that depends on how many steps were taken. One of your own is a class with `call`; an optimizer
 * takes it as its `learningRate`.
 */
export abstract class LearningRateSchedule {
  /** The learning rate of the step that follows `step` others. */
  abstract call(step: number): number;

  /** The options that make this schedule again, as JSON: by default what it has in its fields. */
  getConfig(): Config {
    return recordToJson(this.constructor.name, "", this);
  }
}

export interface WarmupOptions {
  /**
   * So many steps come before the schedule, in which the rate grows evenly from 0 to the schedule's first one; 0 by
   * default.
   */
  warmupSteps?: number;
}

/** A schedule that may begin with a linear warmup (Goyal et al., "Accurate, Large Minibatch SGD", 2017). */
abstract class WarmupSchedule extends LearningRateSchedule {
  readonly warmupSteps: number;

  constructor(options: WarmupOptions, names: readonly string[]) {
    super();
    const { name } = new.target;
    checkOptions(name, options, [...names, "warmupSteps"]);
    this.warmupSteps = checkSteps(name, "warmupSteps", options.warmupSteps ?? 0);
  }

  call(step: number): number {
    const { warmupSteps } = this;
    if (step >= warmupSteps) return this.decayed(step - warmupSteps);
    const from = this.warmupFrom();
    return from + ((this.decayed(0) - from) * step) / warmupSteps;
  }

  /** The rate of the first step of a warmup. */
  protected warmupFrom(): number {
    return 0;
  }

  /** The rate `step` steps after the warmup. */
  protected abstract decayed(step: number): number;
}

export interface ExponentialDecayOptions extends WarmupOptions {
  initialLearningRate: number;
  /** After so many steps the rate is `decayRate` of what it was. */
  decaySteps: number;
  decayRate: number;
  /** Whether the rate changes at multiples of `decaySteps` only; false by default. */
  staircase?: boolean;
}

/** `initialLearningRate * decayRate ** (step / decaySteps)`; with `staircase` the exponent is rounded down. */
export class ExponentialDecay extends WarmupSchedule {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  readonly decayRate: number;
  readonly staircase: boolean;

  /** @throws ArgumentError for options that are missing, unknown or out of range. */
  constructor(options: ExponentialDecayOptions) {
    super(options, ["initialLearningRate", "decaySteps", "decayRate", "staircase"]);
    const name = "ExponentialDecay";
    this.initialLearningRate = checkRange(name, "initialLearningRate", options.initialLearningRate, 0);
    this.decaySteps = checkPositive(name, "decaySteps", options.decaySteps);
    this.decayRate = checkRange(name, "decayRate", options.decayRate, 0);
    this.staircase = checkBoolean(name, "staircase", options.staircase ?? false);
  }

  protected decayed(step: number): number {
    const exponent = step / this.decaySteps;
    return this.initialLearningRate * this.decayRate ** (this.staircase ? Math.floor(exponent) : exponent);
  }
}

export interface CosineDecayOptions extends WarmupOptions {
  initialLearningRate: number;
  /** The rate falls for so many steps, and stays then. */
  decaySteps: number;
  /** The part of the first rate that is left in the end; 0 by default. */
  alpha?: number;
  /** The rate that the warmup goes to and the decay starts from; the warmup starts from `initialLearningRate` then. */
  warmupTarget?: number;
}

/**
 * Half a period of the cosine, from the first rate down to `alpha` times it (Loshchilov and Hutter, "SGDR: Stochastic
 * Gradient Descent with Warm Restarts", 2016).
 */
export class CosineDecay extends WarmupSchedule {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  readonly alpha: number;
  readonly warmupTarget: number | undefined;

  /** @throws ArgumentError for options that are missing, unknown or out of range. */
  constructor(options: CosineDecayOptions) {
    super(options, ["initialLearningRate", "decaySteps", "alpha", "warmupTarget"]);
    const name = "CosineDecay";
    this.initialLearningRate = checkRange(name, "initialLearningRate", options.initialLearningRate, 0);
    this.decaySteps = checkPositive(name, "decaySteps", options.decaySteps);
    this.alpha = checkRange(name, "alpha", options.alpha ?? 0, 0);
    const { warmupTarget } = options;
    this.warmupTarget = warmupTarget === undefined ? undefined : checkRange(name, "warmupTarget", warmupTarget, 0);
  }

  protected override warmupFrom(): number {
    return this.warmupTarget === undefined ? 0 : this.initialLearningRate;
  }

  protected decayed(step: number): number {
    const from = this.warmupTarget ?? this.initialLearningRate;
    return from * cosine(Math.min(step / this.decaySteps, 1), 1, this.alpha);
  }
}

export interface CosineDecayRestartsOptions extends WarmupOptions {
  initialLearningRate: number;
  /** The length of the first period. */
  firstDecaySteps: number;
  /** How much longer each period is than the one before; at least 1, 2 by default. */
  tMul?: number;
  /** The part of a period's first rate that the next one starts with; 1 by default. */
  mMul?: number;
  /** The part of the first rate that is left at the end of a period; 0 by default. */
  alpha?: number;
}

/**
 * Cosine decays one after another, each of which starts high again (Loshchilov and Hutter, "SGDR: Stochastic Gradient
 * Descent with Warm Restarts", 2016).
 */
export class CosineDecayRestarts extends WarmupSchedule {
  readonly initialLearningRate: number;
  readonly firstDecaySteps: number;
  readonly tMul: number;
  readonly mMul: number;
  readonly alpha: number;

  /** @throws ArgumentError for options that are missing, unknown or out of range. */
  constructor(options: CosineDecayRestartsOptions) {
    super(options, ["initialLearningRate", "firstDecaySteps", "tMul", "mMul", "alpha"]);
    const name = "CosineDecayRestarts";
    this.initialLearningRate = checkRange(name, "initialLearningRate", options.initialLearningRate, 0);
    this.firstDecaySteps = checkPositive(name, "firstDecaySteps", options.firstDecaySteps);
    this.tMul = checkRange(name, "tMul", options.tMul ?? 2, 1);
    this.mMul = checkRange(name, "mMul", options.mMul ?? 1, 0);
    this.alpha = checkRange(name, "alpha", options.alpha ?? 0, 0);
  }

  protected decayed(step: number): number {
    const { firstDecaySteps, tMul } = this;
    let restarts = tMul === 1 ? Math.floor(step / firstDecaySteps) : 0;
    let rest = step - restarts * firstDecaySteps;
    let length = firstDecaySteps;
    for (; rest >= length; restarts++) {
      rest -= length;
      length *= tMul;
    }
    return this.initialLearningRate * cosine(rest / length, this.mMul ** restarts, this.alpha);
  }
}

/** What is left of a rate after `fraction` of a cosine decay that starts from `height` of it and never ends below. */
function cosine(fraction: number, height: number, alpha: number): number {
  return (1 - alpha) * 0.5 * height * (1 + Math.cos(Math.PI * fraction)) + alpha;
}

export interface PiecewiseConstantDecayOptions extends WarmupOptions {
  /** The last step of each value but the last, in ascending order. */
  boundaries: readonly number[];
  /** The rates, one more than boundaries. */
  values: readonly number[];
}

/** `values[0]` up to and including step `boundaries[0]`, then `values[1]` up to `boundaries[1]`, and so on. */
export class PiecewiseConstantDecay extends WarmupSchedule {
  readonly boundaries: readonly number[];
  readonly values: readonly number[];

  /** @throws ArgumentError for options that are missing, unknown or out of range. */
  constructor(options: PiecewiseConstantDecayOptions) {
    super(options, ["boundaries", "values"]);
    const name = "PiecewiseConstantDecay";
    const { boundaries, values } = options;
    if (!Array.isArray(boundaries)) throw wrong(name, "boundaries", boundaries, "an array of steps");
    if (!Array.isArray(values)) throw wrong(name, "values", values, "an array of learning rates");
    boundaries.forEach((boundary, i) => {
      checkFinite(name, `boundary ${i}`, boundary);
      if (i > 0 && boundary <= boundaries[i - 1]) {
        throw wrong(name, `boundary ${i}`, boundary, `more than the one before, ${boundaries[i - 1]}`);
      }
    });
    values.forEach((value, i) => checkRange(name, `value ${i}`, value, 0));
    if (values.length !== boundaries.length + 1) {
      throw new ArgumentError(
        `${name}: the number of values does not fit: ${values.length} for ${boundaries.length} boundaries, ` +
          `expected ${boundaries.length + 1}`,
      );
    }
    this.boundaries = boundaries.slice();
    this.values = values.slice();
  }

  protected decayed(step: number): number {
    const place = this.boundaries.findIndex((boundary) => step <= boundary);
    return this.values.at(place)!;
  }
}

export interface PolynomialDecayOptions extends WarmupOptions {
  initialLearningRate: number;
  /** The rate falls for so many steps. */
  decaySteps: number;
  /** 0.0001 by default. */
  endLearningRate?: number;
  /** 1, a straight line, by default. */
  power?: number;
  /** Whether the rate rises again after `decaySteps`, and falls to the end at each multiple; false by default. */
  cycle?: boolean;
}

/**
 * `(initialLearningRate - endLearningRate) * (1 - step / decaySteps) ** power + endLearningRate`, which is the end's
 * rate from `decaySteps` on. With `cycle`, `decaySteps` stands for its smallest multiple that is not below the step.
 */
export class PolynomialDecay extends WarmupSchedule {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  readonly endLearningRate: number;
  readonly power: number;
  readonly cycle: boolean;

  /** @throws ArgumentError for options that are missing, unknown or out of range. */
  constructor(options: PolynomialDecayOptions) {
    super(options, ["initialLearningRate", "decaySteps", "endLearningRate", "power", "cycle"]);
    const name = "PolynomialDecay";
    this.initialLearningRate = checkRange(name, "initialLearningRate", options.initialLearningRate, 0);
    this.decaySteps = checkPositive(name, "decaySteps", options.decaySteps);
    this.endLearningRate = checkRange(name, "endLearningRate", options.endLearningRate ?? 0.0001, 0);
    this.power = checkRange(name, "power", options.power ?? 1, 0);
    this.cycle = checkBoolean(name, "cycle", options.cycle ?? false);
  }

  protected decayed(step: number): number {
    const { initialLearningRate, endLearningRate, decaySteps, power } = this;
    const periods = this.cycle ? Math.max(1, Math.ceil(step / decaySteps)) : 1;
    const fraction = Math.min(step / (decaySteps * periods), 1);
    return (initialLearningRate - endLearningRate) * (1 - fraction) ** power + endLearningRate;
  }
}

function checkSteps(op: string, name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw wrong(op, name, value, "an integer of 0 or more");
}
