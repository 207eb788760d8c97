import type { TrainingData } from "./batches.js";
import type { FitOptions } from "./fitOptions.js";
import { History, type Logs } from "./history.js";
import { checkVerbose, makeProgress, type Progress } from "./progress.js";
import { train } from "./train.js";
import type { Trainer } from "./trainer.js";

/** Milliseconds between two readings of the figures for the progress bar. */
const REPORT_EVERY = 100;

/** See {@link Model.fit}: the training loop, with what the user sees of it. */
export async function fit(trainer: Trainer, data: TrainingData, options: FitOptions): Promise<History> {
  const verbose = checkVerbose("fit", options.verbose ?? "auto");
  const history = new History();
  let report: Report | null = null;
  try {
    for await (const event of train("fit", trainer, data, options, ["verbose"])) {
      if (event.type === "epochBegin") {
        const { epoch, steps } = event;
        report = new Report(await makeProgress(verbose, { epoch, epochs: options.epochs ?? 1, steps }));
      } else if (event.type === "batchEnd") report!.passed(event.batch + 1, () => event.logs());
      else {
        await report!.end(event.logs);
        history.record(event.epoch, event.logs);
      }
    }
  } finally {
    report?.stop();
  }
  return history;
}

/** Reads the figures for the progress bar now and then, while the steps go on. */
class Report {
  private readonly progress: Progress;
  private readAt = performance.now();
  private running: Promise<void> | null = null;
  private steps = 0;

  constructor(progress: Progress) {
    this.progress = progress;
  }

  passed(steps: number, logs: () => Promise<Logs>): void {
    this.steps = steps;
    const { wantsLogs } = this.progress;
    if (!wantsLogs || this.running !== null || performance.now() - this.readAt < REPORT_EVERY) return;
    this.running = this.read(steps, logs);
  }

  async end(logs: Logs): Promise<void> {
    await this.running;
    this.progress.end(this.steps, logs);
    this.progress.stop();
  }

  stop(): void {
    this.progress.stop();
  }

  private async read(steps: number, logs: () => Promise<Logs>): Promise<void> {
    try {
      this.progress.update(steps, await logs());
    } catch {
      // The loop meets the same error, and throws it.
    }
    this.readAt = performance.now();
    this.running = null;
  }
}
