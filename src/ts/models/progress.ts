import { wrong } from "../checks.js";
import type { Logs } from "./history.js";

/** How much a training says; see {@link FitOptions}. */
export type Verbose = 0 | 1 | 2 | "auto";

/** @throws ArgumentError for what is no such value. */
export function checkVerbose(op: string, value: unknown): Verbose {
  if (value === 0 || value === 1 || value === 2 || value === "auto") return value;
  throw wrong(op, "verbose", value, '0, 1, 2 or "auto"');
}

/** What the user sees of one epoch. */
export interface Progress {
  /** Whether `update` shows the figures. */
  readonly wantsLogs: boolean;
  update(steps: number, logs: Logs): void;
  end(steps: number, logs: Logs): void;
  /** Leaves the terminal as it was, also after an error. */
  stop(): void;
}

export interface EpochPlace {
  readonly epoch: number;
  readonly epochs: number;
  /** Null when they are not known. */
  readonly steps: number | null;
}

export async function makeProgress(verbose: Verbose, place: EpochPlace): Promise<Progress> {
  if (verbose === 0) return { wantsLogs: false, update: () => {}, end: () => {}, stop: () => {} };
  if (verbose === 2 || !process.stdout.isTTY) return makeLine(place);
  return makeBar(place);
}

/** `250/250 - 3s - loss: 0.2100 - accuracy: 0.9400` */
export function resultLine(steps: number, milliseconds: number, logs: Logs): string {
  return [`${steps}/${steps}`, `${Math.round(milliseconds / 1000)}s`, ...figures(logs)].join(" - ");
}

function title({ epoch, epochs }: EpochPlace): string {
  return `Epoch ${epoch + 1}/${epochs}`;
}

function makeLine(place: EpochPlace): Progress {
  const start = performance.now();
  const end = (steps: number, logs: Logs): void => {
    console.log(`${title(place)} - ${resultLine(steps, performance.now() - start, logs)}`);
  };
  return { wantsLogs: false, update: () => {}, end, stop: () => {} };
}

/** What is used of a bar; the types of `cli-progress` are not installed with nabla. */
interface Bar {
  start(total: number, value: number, payload: object): void;
  update(value: number, payload: object): void;
  stop(): void;
}

/** A bar on the terminal, in the look of all of them. */
export async function newBar(format: string): Promise<Bar> {
  const { default: progress } = await import("cli-progress");
  return new progress.SingleBar({ format, stream: process.stdout, barsize: 25 }, progress.Presets.shades_grey);
}

async function makeBar(place: EpochPlace): Promise<Progress> {
  const { steps } = place;
  const counted = steps === null ? "{value} steps" : "{bar} {value}/{total}";
  const bar = await newBar(`${counted} - {perStep} ms/step{figures}`);
  const start = performance.now();
  const show = (done: number, logs: Logs): void => {
    const perStep = (performance.now() - start) / done;
    bar.update(done, {
      perStep: perStep.toFixed(perStep < 10 ? 1 : 0),
      figures: figures(logs)
        .map((figure) => ` - ${figure}`)
        .join(""),
    });
  };
  console.log(title(place));
  bar.start(steps ?? 0, 0, { perStep: "-", figures: "" });
  return {
    wantsLogs: true,
    update: show,
    end: show,
    stop: () => bar.stop(),
  };
}

function figures(logs: Logs): string[] {
  return Object.entries(logs).map(([name, value]) => {
    const small = value !== 0 && Math.abs(value) < 1e-3;
    return `${name}: ${small ? value.toExponential(4) : value.toFixed(4)}`;
  });
}
