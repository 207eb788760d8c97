import { createRequire } from "node:module";
import { cpus } from "node:os";
import { NablaError } from "../errors.js";
import { currentDevice, streamOf } from "../device.js";
import type { CudaDevice } from "../native/contract.js";
import { loadAddon, loadCudaAddon, platformName } from "../native/load.js";

/** What `nabla info --json` prints. */
interface Report {
  nabla: string;
  node: string;
  platform: string;
  cpu: string;
  /** Why the engine does not start, and nothing else about it. */
  error?: string;
  addon?: string;
  isa?: { chosen: string; detected: string };
  threads?: number;
  cpus?: number;
  pinned?: boolean;
  convolution?: string;
  /** Where tensors are made unless something else is said. */
  device?: string;
  cuda: CudaReport;
}

interface CudaReport {
  available: boolean;
  /** Why not. */
  reason?: string;
  addon?: string;
  /** The CUDA versions of the driver and of the addon, such as "13.0"; null for none. */
  driver?: string | null;
  runtime?: string | null;
  devices?: readonly CudaDevice[];
}

/** Says what the engine found on this machine. Exit code 1 when it does not start. */
export async function info(json: boolean): Promise<number> {
  const report = inspect();
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : format(report));
  return report.error === undefined ? 0 : 1;
}

export function version(): string {
  return (createRequire(import.meta.url)("nabla/package.json") as { version: string }).version;
}

function inspect(): Report {
  const machine = {
    nabla: version(),
    node: process.versions.node,
    platform: platformName(),
    cpu: cpus()[0]?.model ?? "unknown",
    cuda: inspectCuda(),
  };
  try {
    const addon = loadAddon();
    const facts = addon.info();
    const { opened, convolution } = streamOf("cpu");
    const { isa, threads, pinned } = opened;
    return {
      ...machine,
      addon: addon.path,
      isa: { chosen: isa, detected: facts.isa },
      threads,
      cpus: facts.cpus,
      pinned,
      convolution,
      device: currentDevice(),
    };
  } catch (error) {
    if (!(error instanceof NablaError)) throw error;
    return { ...machine, error: error.message };
  }
}

function inspectCuda(): CudaReport {
  const addon = loadCudaAddon();
  if (typeof addon === "string") return { available: false, reason: addon };
  const { devices, reason, driver, runtime } = addon.info();
  return {
    available: reason === "",
    ...(reason !== "" && { reason }),
    addon: addon.path,
    driver: versionText(driver),
    runtime: versionText(runtime),
    devices,
  };
}

/** 13000 is 13.0. */
function versionText(number: number): string | null {
  return number === 0 ? null : `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
}

function cudaRows({ available, reason, addon, driver, runtime, devices = [] }: CudaReport): [string, string][] {
  const versions = `${runtime ?? "none"}, driver for ${driver ?? "none"}`;
  const rows: [string, string][] = [["CUDA", available ? versions : `no: ${reason}`]];
  devices.forEach(({ name, capability, memory, multiprocessors, bandwidth }, i) => {
    const facts = [
      name,
      `compute capability ${(capability / 10).toFixed(1)}`,
      `${multiprocessors} multiprocessors`,
      `${(memory / 2 ** 30).toFixed(1)} GiB at ${(bandwidth / 1e9).toFixed(0)} GB/s`,
    ];
    rows.push([`GPU ${i}`, facts.join(", ")]);
  });
  if (addon !== undefined) rows.push(["", addon]);
  return rows;
}

function format(report: Report): string {
  const rows: [string, string][] = [
    ["nabla", report.nabla],
    ["node", `${report.node} on ${report.platform}`],
    ["CPU", report.cpu],
  ];
  if (report.isa) {
    rows.push(["ISA", `${report.isa.chosen} (this CPU has ${report.isa.detected})`]);
    rows.push(["threads", `${report.threads} on ${report.cpus} CPUs, ${report.pinned ? "pinned" : "not pinned"}`]);
    rows.push(["conv", report.convolution ?? ""]);
    rows.push(["addon", report.addon ?? ""]);
  }
  rows.push(...cudaRows(report.cuda));
  if (report.device !== undefined) rows.push(["device", report.device]);
  const table = rows.map(([name, value]) => `${name.padEnd(8)} ${value}\n`).join("");
  return report.error === undefined ? table : `${table}\n${report.error}\n`;
}
