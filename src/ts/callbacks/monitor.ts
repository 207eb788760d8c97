import { checkOptions, checkRange, wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import type { Callback } from "../models/callbacks.js";
import type { Logs } from "../models/history.js";
import type { AnyModel } from "../models/model.js";
import { unknownName } from "../suggest.js";

export interface MonitorOptions {
  /** The figure to watch, by its name in the History; "valLoss" by default. */
  monitor?: string;
  /** Whether the figure is to fall or to rise. By default ("auto") losses and errors are to fall and accuracies to rise. */
  mode?: "auto" | "min" | "max";
}

const MODES = ["auto", "min", "max"] as const;

/** A callback that waits for a figure to become better. */
export abstract class Monitor implements Callback {
  readonly monitor: string;
  protected readonly op: string;
  protected readonly minDelta: number;
  protected readonly verbose: boolean;
  protected model!: AnyModel;
  protected best: number | null = null;
  private readonly mode: "auto" | "min" | "max";

  /** `names` are the options that the subclass has beside the common ones. */
  constructor(
    op: string,
    options: MonitorOptions & { minDelta?: number; verbose?: 0 | 1 },
    names: readonly string[],
    minDelta = 0,
  ) {
    checkOptions(op, options, ["monitor", "mode", "verbose", ...names]);
    const { monitor = "valLoss", mode = "auto" } = options;
    if (typeof monitor !== "string") throw wrong(op, "monitor", monitor, "the name of a figure");
    if (!MODES.includes(mode)) throw wrong(op, "mode", mode, '"auto", "min" or "max"');
    this.op = op;
    this.monitor = monitor;
    this.mode = mode;
    this.minDelta = checkRange(op, "minDelta", options.minDelta ?? minDelta, 0);
    this.verbose = checkVerbosity(op, options.verbose);
  }

  setModel(model: AnyModel): void {
    this.model = model;
  }

  /** The figure that is watched. @throws ArgumentError when there is none of this name. */
  protected current(logs: Logs): number {
    const value = logs[this.monitor];
    if (value === undefined) throw unknownName(this.op, "figure to monitor", this.monitor, Object.keys(logs));
    return value;
  }

  /** Whether a value is better than another one by more than `minDelta`; any number is better than none. */
  protected isBetter(value: number, reference: number | null): boolean {
    const isMin = this.direction() === "min";
    if (Number.isNaN(value)) return false;
    if (reference === null) return true;
    return isMin ? value + this.minDelta < reference : value - this.minDelta > reference;
  }

  protected say(message: string): void {
    if (this.verbose) console.log(message);
  }

  private direction(): "min" | "max" {
    const { mode, monitor, model } = this;
    if (mode !== "auto") return mode;
    const figure = monitor.replace(/^val(?=[A-Z])/, "");
    const name = figure.charAt(0).toLowerCase() + figure.slice(1);
    const { lossNames, metricNames, outputs } = model.compiled!;
    if (name === "loss" || lossNames?.includes(name)) return "min";
    const known = outputs.flatMap(({ metrics }) => metrics)[metricNames.indexOf(name)]?.direction;
    if (known) return known;
    throw new ArgumentError(
      `${this.op}: mode is needed: whether "${monitor}" is to fall or to rise is not known, expected "min" or "max"`,
    );
  }
}

/** @throws ArgumentError for what is neither 0 nor 1. */
export function checkVerbosity(op: string, value: unknown = 0): boolean {
  if (value === 0 || value === 1) return value === 1;
  throw wrong(op, "verbose", value, "0 or 1");
}
