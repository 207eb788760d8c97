import { wrong } from "../checks.js";
import type { Logs } from "./history.js";
import type { AnyModel } from "./model.js";

/**
 * Functions that a training calls as it goes; it waits for those that return a promise. Epochs and batches are counted
 * from 0. Setting `model.stopTraining` ends the training after the running batch.
 */
export interface Callback {
  /** Called first, with the model that is trained. */
  setModel?(model: AnyModel): void;
  onTrainBegin?(): void | Promise<void>;
  onTrainEnd?(): void | Promise<void>;
  onEpochBegin?(epoch: number): void | Promise<void>;
  /** `logs` has the figures of the epoch, with those of the validation. What is added to it gets into the History. */
  onEpochEnd?(epoch: number, logs: Logs): void | Promise<void>;
  onTrainBatchBegin?(batch: number): void | Promise<void>;
  /** The batch was handed to the device, which may still compute; `logs()` waits for the figures of the epoch so far. */
  onTrainBatchEnd?(batch: number, logs: () => Promise<Logs>): void | Promise<void>;
}

/** Calls each callback in turn. */
export class CallbackList {
  private readonly callbacks: readonly Callback[];

  /** @throws ArgumentError for what is no list of objects. */
  constructor(op: string, callbacks: unknown, model: AnyModel) {
    const isCallback = (value: unknown): boolean => typeof value === "object" && value !== null;
    if (!Array.isArray(callbacks) || !callbacks.every(isCallback)) {
      throw wrong(op, "callbacks", callbacks, "an array of objects such as { onEpochEnd(epoch, logs) { … } }");
    }
    this.callbacks = callbacks as Callback[];
    for (const callback of this.callbacks) callback.setModel?.(model);
  }

  async trainBegin(): Promise<void> {
    for (const callback of this.callbacks) await callback.onTrainBegin?.();
  }

  async trainEnd(): Promise<void> {
    for (const callback of this.callbacks) await callback.onTrainEnd?.();
  }

  async epochBegin(epoch: number): Promise<void> {
    for (const callback of this.callbacks) await callback.onEpochBegin?.(epoch);
  }

  async epochEnd(epoch: number, logs: Logs): Promise<void> {
    for (const callback of this.callbacks) await callback.onEpochEnd?.(epoch, logs);
  }

  async batchBegin(batch: number): Promise<void> {
    for (const callback of this.callbacks) await callback.onTrainBatchBegin?.(batch);
  }

  async batchEnd(batch: number, logs: () => Promise<Logs>): Promise<void> {
    for (const callback of this.callbacks) await callback.onTrainBatchEnd?.(batch, logs);
  }
}
