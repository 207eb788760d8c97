import { tidy } from "nabla";
import { vi } from "vitest";
import { loadAddon } from "../../src/ts/native/load.js";
import { currentStream } from "../../src/ts/device.js";

/** The names of the kernels that a call runs, in order. */
export function kernelsOf(call: () => unknown): string[] {
  const names = loadAddon().info().ops;
  const write = vi.spyOn(currentStream(), "write");
  try {
    tidy(() => void call());
    return write.mock.calls.map(([kernel]) => names[kernel]!);
  } finally {
    write.mockRestore();
  }
}
