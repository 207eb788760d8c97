import { checkOptions, checkRange, wrong } from "../checks.js";
import { isFloating } from "../dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../errors.js";
import { keep } from "../memory.js";
import { toContiguous } from "../op.js";
import { zeros } from "../ops/creation.js";
import { formatShape, sameShape } from "../shape.js";
import { Tensor } from "../tensor.js";

export interface OptimizerOptions {
  /** How far a step goes. */
  learningRate?: number;
  /** What `step()` changes; a model that is compiled with the optimizer sets it. */
  parameters?: readonly Tensor[];
  /** The part of each parameter, times the learning rate, that a step takes away from it. */
  weightDecay?: number;
}

const OPTIONS = ["learningRate", "parameters", "weightDecay"];

function checkRate(name: string, value: unknown): number {
  return checkRange(name, "learningRate", value, 0);
}

/** The parameters of one step that have a gradient, with what the optimizer keeps for each of them. */
export interface StepTensors {
  readonly parameters: readonly Tensor[];
  readonly gradients: readonly Tensor[];
  /** One list for each of the optimizer's `slots`, in the order of the parameters. */
  readonly slots: readonly (readonly Tensor[])[];
}

/**
 * Changes parameters by their gradients.
 *
 * A new optimizer is one file: it says how many tensors it keeps for a parameter (`slots`) and writes `update`.
 */
export abstract class Optimizer {
  /** The name in messages. */
  readonly name: string;
  readonly weightDecay: number;
  /** How many steps were taken. */
  iterations = 0;
  private rate: number;
  private targets: readonly Tensor[] = [];
  /** [slot][parameter], zero at first; made in the first step. */
  private state: Tensor[][] | null = null;

  /** `names` are the options that the subclass has beside the common ones. */
  constructor(name: string, options: OptimizerOptions, names: readonly string[], defaultRate: number) {
    this.name = name;
    checkOptions(name, options, [...OPTIONS, ...names]);
    this.rate = checkRate(name, options.learningRate ?? defaultRate);
    this.weightDecay = checkRange(name, "weightDecay", options.weightDecay ?? 0, 0);
    if (options.parameters !== undefined) this.setParameters(options.parameters);
  }

  /** May be set between steps. @throws ArgumentError for what is no number of 0 or more. */
  get learningRate(): number {
    return this.rate;
  }

  set learningRate(value: number) {
    this.rate = checkRate(this.name, value);
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

  /** Drops the gradients. */
  zeroGrad(): void {
    for (const parameter of this.targets) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /**
   * Changes every parameter that has a gradient, in one native call.
   *
   * @throws ArgumentError when no parameter has one.
   */
  step(): void {
    const tensors = this.collect();
    this.iterations++;
    this.update(tensors);
  }

  /** How many tensors of a parameter's shape the optimizer keeps for it. */
  protected abstract readonly slots: number;

  /** Writes the new values of the parameters and slots. `iterations` counts this step already. */
  protected abstract update(tensors: StepTensors): void;

  private collect(): StepTensors {
    const { targets } = this;
    this.state ??= Array.from({ length: this.slots }, () =>
      targets.map((target) => keep(zeros(target.shape, { dtype: target.dtype }))),
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
