import { setImmediate } from "node:timers/promises";
import { onStream } from "../device.js";
import type { Stream } from "../stream.js";

/** Steps that are handed over before the first of them has to be done: the device never waits for JavaScript. */
const STEPS_IN_FLIGHT = 3;
/** Milliseconds after which timers and sockets get their turn, even if the device keeps up with every step. */
const TURN_AFTER = 8;

/** Hands steps to a device a few ahead of what it computes, and leaves the event loop free meanwhile. */
export class Pipeline {
  private readonly stream: Stream;
  private readonly fences: Promise<void>[] = [];
  private turnedAt = performance.now();

  constructor(stream: Stream) {
    this.stream = stream;
  }

  /** Issues one step, which makes its tensors on the device. @throws what it throws, and errors that earlier steps met while they ran. */
  async run(step: () => void): Promise<void> {
    onStream(this.stream, step);
    const fence = this.stream.fence();
    fence.catch(() => {}); // It is awaited later: until then a rejection is not unhandled.
    this.fences.push(fence);
    if (this.fences.length > STEPS_IN_FLIGHT) await this.fences.shift();
    if (performance.now() - this.turnedAt > TURN_AFTER) {
      await setImmediate();
      this.turnedAt = performance.now();
    }
  }

  /** Waits for all steps. @throws the errors that they met while they ran. */
  async drain(): Promise<void> {
    for (let fence = this.fences.shift(); fence; fence = this.fences.shift()) await fence;
  }

  /** Waits for all steps after one has failed. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.fences.splice(0));
  }
}
