import { relocate } from "../ops/to.js";
import type { Stream } from "../stream.js";
import { checkOptions, checkRange, wrong } from "../checks.js";
import { recordToJson, type Config } from "../config.js";
import { isFloating } from "../dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../errors.js";
import { keep } from "../memory.js";
import { toContiguous } from "../op.js";
import { full } from "../ops/creation.js";
import { formatShape, sameShape } from "../shape.js";
import { withRecording } from "../tape.js";
import { Tensor } from "../tensor.js";
import { LearningRateSchedule } from "./schedules.js";
import { clipScales, type StepKernel } from "./step.js";

export interface OptimizerOptions {
  /** How far a step goes: a number, or a schedule that knows the number of steps taken. */
  learningRate?: number | LearningRateSchedule;
  /** What `step()` changes; a model that is compiled with the optimizer sets it. */
  parameters?: readonly Tensor[];
  /** The part of each parameter, times the learning rate, that a step takes away from it. */
  weightDecay?: number;
  /** Each gradient is scaled down to this L2 norm if its own is greater. At most one kind of clipping can be chosen. */
  clipNorm?: number;
  /** Each element of a gradient is brought between `-clipValue` and `clipValue`. */
  clipValue?: number;
  /** All gradients are scaled by one factor, down to this norm if that of all of them together is greater. */
  globalClipNorm?: number;
}

const CLIPPING = ["clipNorm", "clipValue", "globalClipNorm"] as const;
const OPTIONS = ["learningRate", "parameters", "weightDecay", ...CLIPPING];

function checkRate(name: string, value: unknown): number {
  return checkRange(name, "learningRate", value, 0);
}

function checkRateOrSchedule(name: string, value: unknown): number | LearningRateSchedule {
  if (value instanceof LearningRateSchedule) return value;
  if (typeof value === "number") return checkRate(name, value);
  throw wrong(name, "learningRate", value, "a number of 0 or more, or a schedule");
}

function checkClipping(name: string, option: (typeof CLIPPING)[number], value: unknown): number | undefined {
  if (value === undefined || (typeof value === "number" && value > 0 && value < Infinity)) return value;
  throw wrong(name, option, value, "a positive number");
}

/** The parameters of one step that have a gradient, with what the optimizer keeps for each of them. */
interface StepTensors {
  readonly parameters: readonly Tensor[];
  readonly gradients: readonly Tensor[];
  /** One list for each of the optimizer's `slots`, in the order of the parameters. */
  readonly slots: readonly (readonly Tensor[])[];
}

/**
 * Changes parameters by their gradients. Gradients are clipped first, if asked for; then the weight decay is taken off
 * the parameters (decoupled: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017), and the step.
 *
 * A new optimizer is one file: it names its kernel, what it keeps for a parameter, and the numbers of its rule.
 */
export abstract class Optimizer {
  /** The name in messages. */
  readonly name: string;
  readonly weightDecay: number;
  readonly clipNorm: number | undefined;
  readonly clipValue: number | undefined;
  readonly globalClipNorm: number | undefined;
  /** How many steps were taken. */
  iterations = 0;
  private readonly ownOptions: readonly string[];
  private rate: number | LearningRateSchedule;
  private targets: readonly Tensor[] = [];
  /** [slot][parameter]; made in the first step. */
  private state: Tensor[][] | null = null;

  /** `names` are the options that the subclass has beside the common ones. */
  constructor(
    name: string,
    options: OptimizerOptions,
    names: readonly string[],
    defaultRate: number,
    defaultDecay = 0,
  ) {
    this.name = name;
    this.ownOptions = names;
    checkOptions(name, options, [...OPTIONS, ...names]);
    this.rate = checkRateOrSchedule(name, options.learningRate ?? defaultRate);
    this.weightDecay = checkRange(name, "weightDecay", options.weightDecay ?? defaultDecay, 0);
    this.clipNorm = checkClipping(name, "clipNorm", options.clipNorm);
    this.clipValue = checkClipping(name, "clipValue", options.clipValue);
    this.globalClipNorm = checkClipping(name, "globalClipNorm", options.globalClipNorm);
    const clipping = CLIPPING.filter((option) => options[option] !== undefined);
    if (clipping.length > 1) {
      throw new ArgumentError(
        `${name}: there is more than one kind of clipping: ${clipping.join(" and ")}, expected at most one`,
      );
    }
    if (options.parameters !== undefined) this.setParameters(options.parameters);
  }

  /**
   * The rate of the next step. It may be set between steps, to a number or a schedule; but where a schedule gives it,
   * only to another schedule.
   *
   * @throws ArgumentError for what is no number of 0 or more, be it set or a schedule's, and no schedule.
   */
  get learningRate(): number {
    const { rate } = this;
    return typeof rate === "number" ? rate : checkRate(this.name, rate.call(this.iterations));
  }

  set learningRate(value: number | LearningRateSchedule) {
    const rate = checkRateOrSchedule(this.name, value);
    if (typeof rate === "number" && typeof this.rate !== "number") {
      throw new ArgumentError(
        `${this.name}: the learning rate cannot be set: it comes from ${this.rate.constructor.name}, ` +
          "expected another schedule",
      );
    }
    this.rate = rate;
  }

  get parameters(): readonly Tensor[] {
    return this.targets;
  }

  /**
   * What the steps will change. Other parameters than before start without history.
   *
   * @throws ArgumentError, DTypeError for what is no list of floating-point tensors.
   */
  setParameters(parameters: readonly Tensor[]): void {
    const isTensor = (value: unknown): boolean => value instanceof Tensor;
    if (!Array.isArray(parameters) || !parameters.every(isTensor)) {
      throw wrong(this.name, "parameters", parameters, "an array of tensors");
    }
    for (const parameter of parameters) {
      parameter.check(this.name);
      if (!isFloating(parameter.dtype)) {
        throw new DTypeError(
          `${this.name}: a parameter is not floating-point: it is ${parameter.dtype}, expected float32`,
        );
      }
    }
    const same =
      parameters.length === this.targets.length && parameters.every((parameter, i) => parameter === this.targets[i]);
    if (same) return;
    this.reset();
    this.targets = parameters.slice();
  }

  /** Forgets the history: the next step is the first one. */
  reset(): void {
    for (const tensors of this.state ?? []) for (const tensor of tensors) tensor.dispose();
    this.state = null;
    this.iterations = 0;
  }

  /** The options that make this optimizer again, as JSON. @throws ArgumentError for a schedule of the user's own. */
  getConfig(): Config {
    const { rate: learningRate, weightDecay, clipNorm, clipValue, globalClipNorm } = this;
    const own = Object.fromEntries(this.ownOptions.map((name) => [name, this[name as keyof this]]));
    return recordToJson(this.name, "", { learningRate, weightDecay, clipNorm, clipValue, globalClipNorm, ...own });
  }

  /** @internal What the steps so far have left: for each slot a tensor of each parameter; null before the first. */
  get history(): readonly (readonly Tensor[])[] | null {
    return this.state;
  }

  /** @internal Moves the history to where the parameters are. */
  moveTo(stream: Stream): void {
    for (const tensors of this.state ?? []) for (const tensor of tensors) relocate(tensor, stream);
  }

  /** @internal Goes on after `iterations` steps that left this history. It becomes the optimizer's. */
  resume(parameters: readonly Tensor[], history: readonly (readonly Tensor[])[] | null, iterations: number): void {
    this.setParameters(parameters);
    this.reset();
    this.state = history && history.map((tensors) => tensors.map((tensor) => keep(tensor)));
    this.iterations = iterations;
  }

  /** Drops the gradients. */
  zeroGrad(): void {
    for (const parameter of this.targets) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /**
   * Changes every parameter that has a gradient, in one native call; clipping by norms takes a second one.
   *
   * @throws ArgumentError when no parameter has one.
   */
  step(): void {
    const { learningRate, weightDecay, clipNorm, globalClipNorm } = this;
    const { parameters, gradients, slots } = this.collect();
    this.iterations++;
    const written = parameters.concat(...slots);
    const inputs = parameters.concat(gradients, ...slots);
    const limit = clipNorm ?? globalClipNorm;
    let scales: Tensor | undefined;
    if (limit !== undefined) {
      const global = globalClipNorm !== undefined;
      scales = withRecording(false, () => clipScales(gradients, { limit, global })[0]!);
      inputs.push(scales);
    }
    this.kernel(inputs, written, {
      count: parameters.length,
      learningRate,
      weightDecay,
      clipValue: this.clipValue ?? Infinity,
      scaled: scales !== undefined,
      rule: this.rule(),
    });
    scales?.dispose();
  }

  /** The kernel that writes the new values of the parameters and slots. */
  protected abstract readonly kernel: StepKernel;

  /** The tensors of a parameter's shape that the optimizer keeps for it: what each is filled with at first. */
  protected abstract readonly slots: readonly number[];

  /** The kernel's own attributes. `iterations` counts this step already. */
  protected abstract rule(): readonly number[];

  private collect(): StepTensors {
    const { targets } = this;
    this.state ??= this.slots.map((start) =>
      targets.map((target) => keep(full(target.shape, start, { dtype: target.dtype, device: target.device }))),
    );
    const gradients: Tensor[] = [];
    for (let i = 0; i < targets.length; i++) {
      const { grad } = targets[i]!;
      if (grad !== null) gradients.push(this.checkGradient(targets[i]!, grad));
    }
    if (gradients.length === targets.length && targets.length > 0) {
      return { parameters: targets, gradients, slots: this.state };
    }
    if (gradients.length === 0) throw new ArgumentError(`${this.name}: ${this.noGradients()}`);
    const withGradient = (_: Tensor, i: number): boolean => targets[i]!.grad !== null;
    const slots = this.state.map((tensors) => tensors.filter(withGradient));
    return { parameters: targets.filter(withGradient), gradients, slots };
  }

  private checkGradient(target: Tensor, grad: Tensor): Tensor {
    if (!sameShape(target.shape, grad.shape) || target.dtype !== grad.dtype) {
      throw new ShapeError(
        `${this.name}: a gradient does not fit: it is ${grad.dtype} ${formatShape(grad.shape)}, ` +
          `the parameter is ${target.dtype} ${formatShape(target.shape)}`,
      );
    }
    return toContiguous(grad);
  }

  private noGradients(): string {
    return this.targets.length === 0
      ? "there are no parameters: none were given, expected { parameters } in the constructor"
      : `there are no gradients: none of ${this.targets.length} parameters has one, call backward() before step()`;
  }
}
