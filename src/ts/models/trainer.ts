import { ArgumentError, ShapeError } from "../errors.js";
import { formatBatchShape, type BatchShape } from "../layers/batchShape.js";
import type { Tensors } from "../layers/layer.js";
import { tidy } from "../memory.js";
import { add, mul } from "../ops/binary.js";
import { RunningMean } from "../runningMean.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import type { MakeBatch } from "./batches.js";
import type { ClassWeight } from "./classWeight.js";
import type { Compiled } from "./compile.js";
import type { Logs } from "./history.js";
import type { AnyModel } from "./model.js";
import type { Batch, SampleSet } from "./samples.js";

/** What one step computed. */
interface Outcome {
  readonly results: readonly Tensor[];
  /** Of the first result. */
  readonly mask: Tensor | null;
  /** One for each result. */
  readonly losses: readonly Tensor[];
  readonly total: Tensor;
}

/** One step of training or evaluation, and the figures over the steps since `reset`. Nothing here waits but `logs`. */
export class Trainer {
  readonly model: AnyModel;
  readonly compiled: Compiled;
  private readonly meanTotal = new RunningMean();
  private readonly meanLosses: readonly RunningMean[];

  constructor(model: AnyModel, compiled: Compiled) {
    this.model = model;
    this.compiled = compiled;
    this.meanLosses = (compiled.lossNames ?? []).map(() => new RunningMean());
  }

  /** Prepares the optimizer for what the model trains now. @throws ArgumentError when that is nothing. */
  prepare(op: string): void {
    const parameters = this.model.trainableWeights;
    if (parameters.length === 0) {
      throw new ArgumentError(`${op}: there is nothing to train: ${this.model.name} has no trainable weights`);
    }
    this.compiled.optimizer.setParameters(parameters);
  }

  /** Checks the shapes of the targets and weights. @throws ShapeError, ArgumentError */
  checkTargets(op: string, { y: targets, weights }: SampleSet, outputs: readonly BatchShape[]): void {
    const compiled = this.compiled.outputs;
    const y = targets!;
    if (outputs.length !== compiled.length) {
      throw new ArgumentError(
        `${op}: the number of losses differs: compile got ${compiled.length}, ${this.model.name} has ${outputs.length} outputs`,
      );
    }
    if (y.length !== compiled.length) {
      throw new ArgumentError(
        `${op}: the number of targets differs: ${y.length} given, ${this.model.name} has ${compiled.length} outputs`,
      );
    }
    compiled.forEach(({ loss }, i) => {
      loss.checkTargets(op, y[i]!.shape, outputs[i]!);
      if (weights) checkWeights(op, weights[i]!.shape, outputs[i]!);
    });
  }

  /** Checks what the targets are, which means to read them. @throws IndexError for a label out of range. */
  async checkTargetValues(op: string, y: readonly Tensor[], outputs: readonly BatchShape[]): Promise<void> {
    for (const [i, { loss }] of this.compiled.outputs.entries()) {
      if (loss.checkValues) loss.checkValues(op, await y[i]!.data(), outputs[i]!);
    }
  }

  /** Issues one training step on a batch. If it throws, weights and gradients are as before. */
  trainStep(makeBatch: MakeBatch, classWeight: ClassWeight | null): void {
    const { optimizer } = this.compiled;
    try {
      tidy(() => {
        const batch = makeBatch();
        const outcome = this.compute(batch, true, classWeight);
        outcome.total.backward();
        // Where the loss was computed from logits, the gradient has not passed the last activation.
        for (const result of outcome.results) result.node?.release();
        optimizer.step();
        this.count(batch, outcome);
      });
    } finally {
      optimizer.zeroGrad();
    }
  }

  /** Issues the evaluation of one batch. */
  testStep(makeBatch: MakeBatch): void {
    withRecording(false, () =>
      tidy(() => {
        const batch = makeBatch();
        this.count(batch, this.compute(batch, false, null));
      }),
    );
  }

  private compute({ x, y, weights }: Batch, training: boolean, classWeight: ClassWeight | null): Outcome {
    const { y: yPred, mask } = this.model.applyMasked(x, { training });
    const results = listOf(yPred);
    const { outputs } = this.compiled;
    const sampleWeights = classWeight
      ? withRecording(false, () => [classWeight.of(y[0]!, results[0]!, weights)])
      : (weights ?? []);
    const losses = outputs.map(({ loss }, i) =>
      loss.apply(y[i]!, results[i]!, { mask: i === 0 ? mask : null, sampleWeight: sampleWeights[i] ?? null }),
    );
    const weighted = losses.map((loss, i) => (outputs[i]!.weight === 1 ? loss : mul(loss, outputs[i]!.weight)));
    return { results, mask, losses, total: weighted.reduce((sum, loss) => add(sum, loss)) };
  }

  private count({ y, size }: Batch, { results, mask, losses, total }: Outcome): void {
    const addTo = (mean: RunningMean, loss: Tensor): void =>
      mean.add(
        size,
        withRecording(false, () => mul(loss, size)),
      );
    addTo(this.meanTotal, total);
    this.meanLosses.forEach((mean, i) => addTo(mean, losses[i]!));
    this.compiled.outputs.forEach(({ metrics }, i) => {
      for (const metric of metrics) metric.updateState(y[i]!, results[i]!, { mask: i === 0 ? mask : null });
    });
  }

  /** The figures so far, once the steps that were issued have run. Steps that follow do not count. */
  async logs(): Promise<Logs> {
    const { outputs, lossNames, metricNames } = this.compiled;
    const names = ["loss", ...(lossNames ?? []), ...metricNames];
    const metrics = outputs.flatMap((output) => output.metrics);
    const values = await Promise.all([this.meanTotal, ...this.meanLosses, ...metrics].map((figure) => figure.result()));
    return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
  }

  reset(): void {
    this.meanTotal.reset();
    for (const mean of this.meanLosses) mean.reset();
    for (const { metrics } of this.compiled.outputs) for (const metric of metrics) metric.resetState();
  }
}

/** Weights have the leading axes of an output, whose last one the losses do away with. @throws ShapeError */
function checkWeights(op: string, shape: BatchShape, output: BatchShape): void {
  const own = shape.length === output.length && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
  const fits = own.length < output.length && own.every((size, i) => i === 0 || !output[i] || size === output[i]);
  if (fits) return;
  const expected = output.slice(0, -1);
  throw new ShapeError(
    `${op}: the sample weights do not fit the model: their shape is ${formatBatchShape(shape)}, ` +
      `expected ${formatBatchShape(expected.slice(0, 1))}` +
      (expected.length > 1 ? ` to ${formatBatchShape(expected)}` : ""),
  );
}

function listOf(results: Tensors): readonly Tensor[] {
  return Array.isArray(results) ? (results as readonly Tensor[]) : [results as Tensor];
}
