import { ArgumentError } from "../errors.js";
import type { BatchShape } from "../layers/batchShape.js";
import type { Loss } from "../losses.js";
import { tidy } from "../memory.js";
import type { Metric } from "../metrics.js";
import { mul } from "../ops/binary.js";
import type { Optimizer } from "../optimizers/index.js";
import { RunningMean } from "../runningMean.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import type { Logs } from "./history.js";
import type { Model } from "./model.js";
import type { SampleSet } from "./samples.js";

/** What `compile` chose. */
export interface Compiled {
  readonly optimizer: Optimizer;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
}

/** One step of training or evaluation, and the figures over the steps since `reset`. Nothing here waits but `logs`. */
export class Trainer {
  readonly model: Model;
  private readonly compiled: Compiled;
  private readonly meanLoss = new RunningMean();

  constructor(model: Model, compiled: Compiled) {
    this.model = model;
    this.compiled = compiled;
  }

  /** Prepares the optimizer for what the model trains now. @throws ArgumentError when that is nothing. */
  prepare(op: string): void {
    const parameters = this.model.trainableWeights;
    if (parameters.length === 0) {
      throw new ArgumentError(`${op}: there is nothing to train: ${this.model.name} has no trainable weights`);
    }
    this.compiled.optimizer.setParameters(parameters);
  }

  /**
   * Checks the targets' shape, and with `values` what they are; reading those waits.
   *
   * @throws ShapeError, IndexError
   */
  checkTargets(op: string, y: Tensor, output: BatchShape): void {
    this.compiled.loss.checkTargets(op, y.shape, output);
  }

  /** Checks what the targets are, which means to read them. @throws IndexError for a label out of range. */
  async checkTargetValues(op: string, y: Tensor, output: BatchShape): Promise<void> {
    const { loss } = this.compiled;
    if (loss.checkValues) loss.checkValues(op, await y.data(), output);
  }

  /** Issues one training step on a batch. If it throws, weights and gradients are as before. */
  trainStep(samples: SampleSet, start: number, size: number, order: Tensor | null): void {
    const { model, compiled } = this;
    const { loss, optimizer } = compiled;
    try {
      tidy(() => {
        const batch = samples.batch(start, size, order);
        const y = batch.y!;
        const { y: yPred, mask } = model.applyMasked(batch.x, { training: true });
        const value = loss.apply(y, yPred, { mask });
        value.backward();
        // Where the loss was computed from logits, the gradient has not passed the last activation.
        yPred.node?.release();
        optimizer.step();
        this.count(y, yPred, mask, value, batch.size);
      });
    } finally {
      optimizer.zeroGrad();
    }
  }

  /** Issues the evaluation of one batch. */
  testStep(samples: SampleSet, start: number, size: number): void {
    withRecording(false, () =>
      tidy(() => {
        const batch = samples.batch(start, size, null);
        const y = batch.y!;
        const { y: yPred, mask } = this.model.applyMasked(batch.x);
        this.count(y, yPred, mask, this.compiled.loss.apply(y, yPred, { mask }), batch.size);
      }),
    );
  }

  private count(y: Tensor, yPred: Tensor, mask: Tensor | null, loss: Tensor, size: number): void {
    const sum = withRecording(false, () => mul(loss, size));
    this.meanLoss.add(size, sum);
    for (const metric of this.compiled.metrics) metric.updateState(y, yPred, { mask });
  }

  /** The figures so far, once the steps that were issued have run. Steps that follow do not count. */
  async logs(): Promise<Logs> {
    const { metrics } = this.compiled;
    const values = await Promise.all([this.meanLoss.result(), ...metrics.map((metric) => metric.result())]);
    const logs: Logs = { loss: values[0]! };
    metrics.forEach((metric, i) => (logs[metric.name] = values[i + 1]!));
    return logs;
  }

  reset(): void {
    this.meanLoss.reset();
    for (const metric of this.compiled.metrics) metric.resetState();
  }
}
