import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Longer than two ticks of the kernel's clock, at which it counts what a running thread has run. */
const WINDOW_MS = 10;
/** In a window: less than a thread that spins, more than the timers of an idle process. */
const REST_MS = 1;
const PATIENCE_MS = 10_000;

/** What the threads of a process have run so far, in milliseconds, and whether one runs or waits for a CPU now. */
function activityOf(pid: number): { ran: number; runnable: boolean } {
  const tasks = `/proc/${pid}/task`;
  let nanoseconds = 0;
  let runnable = false;
  let threads = 0;
  for (const task of readdirSync(tasks)) {
    try {
      nanoseconds += Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]);
      runnable ||= /\) R /.test(readFileSync(`${tasks}/${task}/stat`, "utf8"));
      threads++;
    } catch {
      // This thread has ended since the folder was read.
    }
  }
  if (threads === 0) throw new Error(`process ${pid}: this system does not tell what its threads do`);
  return { ran: nanoseconds / 1e6, runnable };
}

/**
 * Resolves when a process no longer computes. Threads of an engine wait for more work before they sleep, and take the
 * CPU from the one whose turn is next: ONNX Runtime's for 40 ms, PyTorch's for 8 ms.
 *
 * @throws {Error} when it has not rested within ten seconds, does not exist, or the system does not tell
 */
export async function atRest(pid: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let before = activityOf(pid); ;) {
    await sleep(WINDOW_MS);
    const now = activityOf(pid);
    if (!now.runnable && now.ran - before.ran < REST_MS) return;
    if (performance.now() > deadline) throw new Error(`process ${pid} does not rest`);
    before = now;
  }
}
