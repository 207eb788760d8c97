import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { checkBoolean, checkFinite, checkPositive, wrong } from "../checks.js";
import type { Logs } from "../models/history.js";
import { unknownName } from "../suggest.js";
import { Monitor, type MonitorOptions } from "./monitor.js";

export interface ModelCheckpointOptions extends MonitorOptions {
  /**
   * The file to write. `{epoch}`, `{batch}` (both counted from 1) and the names of figures in braces stand for their
   * values; `{epoch:02d}` and `{valLoss:.2f}` say how many digits they get.
   */
  filepath: string;
  /** Whether only a model is written whose figure is the best so far; false by default. */
  saveBestOnly?: boolean;
  /** Whether the file has the weights alone, for `loadWeights`; false by default: all that `loadModel` needs. */
  saveWeightsOnly?: boolean;
  /** "epoch", the default, or after how many batches. */
  saveFreq?: "epoch" | number;
  /** With `saveBestOnly`: the figure has to be better than this. */
  initialValueThreshold?: number;
  /** 1 prints a line for each file; 0 by default. */
  verbose?: 0 | 1;
}

/** Writes the model to a file as the training goes on. A file is whole at any moment: another one takes its name at the end. */
export class ModelCheckpoint extends Monitor {
  private readonly filepath: string;
  private readonly saveBestOnly: boolean;
  private readonly saveWeightsOnly: boolean;
  private readonly saveFreq: "epoch" | number;
  private epoch = 0;
  private batches = 0;

  /** @throws ArgumentError for options that are not what they should be. */
  constructor(options: ModelCheckpointOptions) {
    const names = ["filepath", "saveBestOnly", "saveWeightsOnly", "saveFreq", "initialValueThreshold"];
    super("ModelCheckpoint", options, names);
    const { filepath, saveFreq = "epoch", initialValueThreshold } = options;
    if (typeof filepath !== "string" || filepath === "") throw wrong(this.op, "filepath", filepath, "a file's name");
    this.filepath = filepath;
    this.saveBestOnly = checkBoolean(this.op, "saveBestOnly", options.saveBestOnly ?? false);
    this.saveWeightsOnly = checkBoolean(this.op, "saveWeightsOnly", options.saveWeightsOnly ?? false);
    this.saveFreq = saveFreq === "epoch" ? saveFreq : checkPositive(this.op, "saveFreq", saveFreq);
    if (initialValueThreshold !== undefined) {
      this.best = checkFinite(this.op, "initialValueThreshold", initialValueThreshold);
    }
  }

  onEpochBegin(epoch: number): void {
    this.epoch = epoch;
  }

  async onTrainBatchEnd(batch: number, logs: () => Promise<Logs>): Promise<void> {
    if (this.saveFreq === "epoch" || ++this.batches % this.saveFreq !== 0) return;
    await this.save({ ...(await logs()), epoch: this.epoch + 1, batch: batch + 1 });
  }

  async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.saveFreq === "epoch") await this.save({ ...logs, epoch: epoch + 1 });
  }

  private async save(values: Logs): Promise<void> {
    if (this.saveBestOnly) {
      const value = this.current(values);
      if (!this.isBetter(value, this.best)) return;
      this.best = value;
    }
    const file = fillIn(this.op, this.filepath, values);
    await mkdir(dirname(file), { recursive: true });
    await (this.saveWeightsOnly ? this.model.saveWeights(file) : this.model.save(file));
    this.say(`Epoch ${values["epoch"]}: saved ${file}`);
  }
}

/** Puts values into the braces of a pattern. @throws ArgumentError for a name that has none. */
function fillIn(op: string, pattern: string, values: Logs): string {
  const brace = /\{(\w+)(?::(?:(0?)(\d+)d|\.(\d+)f))?\}/g;
  return pattern.replace(brace, (_, name: string, zero = "", width?: string, decimals?: string) => {
    const value = values[name];
    if (value === undefined) throw unknownName(op, "name in filepath", name, Object.keys(values));
    if (decimals !== undefined) return value.toFixed(Number(decimals));
    return String(value).padStart(Number(width ?? 0), zero === "" ? " " : "0");
  });
}
