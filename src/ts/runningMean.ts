import { keep } from "./memory.js";
import { add } from "./ops/binary.js";
import { withRecording } from "./tape.js";
import type { Tensor } from "./tensor.js";

/** A mean over batches whose sum stays on the device: only reading the result waits. */
export class RunningMean {
  private total: Tensor | null = null;
  private count = 0;

  /** Counts `elements` values of this sum, which becomes this object's own. */
  add(elements: number, sum: Tensor): void {
    const before = this.total;
    this.total = keep(before ? withRecording(false, () => add(before, sum)) : sum);
    if (before) {
      before.dispose();
      sum.dispose();
    }
    this.count += elements;
  }

  /** NaN when nothing was counted. */
  async result(): Promise<number> {
    const { total, count } = this;
    return total === null ? NaN : (await total.item()) / count;
  }

  reset(): void {
    this.total?.dispose();
    this.total = null;
    this.count = 0;
  }
}
