import { keep } from "./memory.js";
import { add } from "./ops/binary.js";
import { withRecording } from "./tape.js";
import type { Tensor } from "./tensor.js";

/** A mean over batches whose sum stays on the device: only reading the result waits. */
export class RunningMean {
  private total: Tensor | null = null;
  private count = 0;
  /** What was counted beside `count` by numbers that only the device knows. */
  private masked: Tensor | null = null;

  /** Counts `elements` values of this sum. The tensors become this object's own. */
  add(elements: number | Tensor, sum: Tensor): void {
    this.total = accumulate(this.total, sum);
    if (typeof elements === "number") this.count += elements;
    else this.masked = accumulate(this.masked, elements);
  }

  /** NaN when nothing was counted. */
  async result(): Promise<number> {
    const { total, masked, count } = this;
    if (total === null) return NaN;
    const [sum, more] = await Promise.all([total.item(), masked?.item() ?? 0]);
    return sum / (count + more);
  }

  reset(): void {
    this.total?.dispose();
    this.masked?.dispose();
    this.total = this.masked = null;
    this.count = 0;
  }
}

function accumulate(before: Tensor | null, value: Tensor): Tensor {
  if (before === null) return keep(value);
  const after = keep(withRecording(false, () => add(before, value)));
  before.dispose();
  value.dispose();
  return after;
}
