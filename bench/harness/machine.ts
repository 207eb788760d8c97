import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { compiler } from "./peaks.js";

/** What a reader needs to know of the machine that figures come from. */
export interface Machine {
  cpu: string;
  cpus: number;
  /** As the kernel lists them, "L1d 32 KiB, L2 1 MiB, …". */
  caches: string;
  /** Of the instruction sets, those that decide how fast these programs are. */
  isas: string[];
  memoryGiB: number;
  os: string;
  kernel: string;
  /** Whether the CPU says that it is run by a hypervisor. */
  virtual: boolean;
  node: string;
  compiler: string;
}

const ISAS = /^(avx|avx2|fma|f16c|avx512.*|avx_vnni|amx.*|asimd.*|sve.*|bf16)$/;

export function describeMachine(): Machine {
  const cpuinfo = readOr("/proc/cpuinfo", "");
  const flags = (/^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? "").split(" ");
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpus: cpus().length,
    caches: caches(),
    isas: flags.filter((flag) => ISAS.test(flag)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: /^PRETTY_NAME="(.*)"$/m.exec(readOr("/etc/os-release", ""))?.[1] ?? type(),
    kernel: `${type()} ${release()}`,
    virtual: flags.includes("hypervisor"),
    node: process.version,
    compiler: execFileSync(compiler, ["--version"], { encoding: "utf8" }).split("\n")[0]!,
  };
}

/** Of the first CPU. */
function caches(): string {
  const found: string[] = [];
  for (let i = 0; ; i++) {
    const folder = `/sys/devices/system/cpu/cpu0/cache/index${i}`;
    const level = readOr(`${folder}/level`, "");
    if (level === "") return found.join(", ") || "unknown";
    const kind = readOr(`${folder}/type`, "");
    if (kind === "Instruction") continue;
    const kib = Number.parseInt(readOr(`${folder}/size`, "0"), 10);
    const size = kib >= 1024 ? `${kib / 1024} MiB` : `${kib} KiB`;
    const users = cpusIn(readOr(`${folder}/shared_cpu_list`, "0"));
    found.push(`L${level}${kind === "Data" ? "d" : ""} ${size}${users > 1 ? ` for ${users} CPUs` : " a CPU"}`);
  }
}

/** Of a list as "0-3,8": 5. */
function cpusIn(list: string): number {
  return list.split(",").reduce((sum, range) => {
    const [first, last] = range.split("-").map(Number);
    return sum + (last ?? first!) - first! + 1;
  }, 0);
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return otherwise;
  }
}
