import { createRequire } from "node:module";
import { cpus } from "node:os";
import { NablaError } from "../errors.js";
import { loadAddon, platformName } from "../native/load.js";
import { cpuStream } from "../stream.js";

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
  cuda: { available: boolean; reason: string };
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
    cuda: { available: false, reason: "not in this build" },
  };
  try {
    const addon = loadAddon();
    const facts = addon.info();
    const { isa, threads, pinned, convolution } = cpuStream();
    return {
      ...machine,
      addon: addon.path,
      isa: { chosen: isa, detected: facts.isa },
      threads,
      cpus: facts.cpus,
      pinned,
      convolution,
    };
  } catch (error) {
    if (!(error instanceof NablaError)) throw error;
    return { ...machine, error: error.message };
  }
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
  rows.push(["CUDA", report.cuda.available ? "available" : `no: ${report.cuda.reason}`]);
  const table = rows.map(([name, value]) => `${name.padEnd(8)} ${value}\n`).join("");
  return report.error === undefined ? table : `${table}\n${report.error}\n`;
}
