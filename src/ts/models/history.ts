/** Figures by name: `loss`, `accuracy`, … and the same of the validation as `valLoss`, `valAccuracy`, … */
export type Logs = Record<string, number>;

/** What a training did: one entry for each epoch that ran to its end. */
export class History {
  /** The epochs, counted from 0. */
  readonly epoch: number[] = [];
  /** For each figure its values, one an epoch. */
  readonly history: Record<string, number[]> = {};

  /** @internal */
  record(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) (this.history[name] ??= []).push(value);
  }
}
