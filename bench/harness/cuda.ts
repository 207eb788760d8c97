import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CudaDevice } from "./peaks.js";

interface Report {
  cuda: { available: boolean; reason?: string; devices?: CudaDevice[] };
}

/** The GPU that nabla would use. @throws Error that says why there is none. */
export function cudaDevice(): CudaDevice {
  const program = fileURLToPath(new URL("cli/main.js", import.meta.resolve("nabla")));
  const { cuda } = JSON.parse(
    execFileSync(process.execPath, [program, "info", "--json"], { encoding: "utf8" }),
  ) as Report;
  const device = cuda.devices?.[0];
  if (!cuda.available || !device) throw new Error(`--device cuda: nothing was measured: ${cuda.reason}`);
  return device;
}
