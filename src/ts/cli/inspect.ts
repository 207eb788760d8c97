import { readdirSync, statSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { getHFHubCachePath } from "@huggingface/hub";
import { NablaError } from "../errors.js";
import { currentDevice, currentStream, streamOf } from "../device.js";
import type { CpuInfo, CpuOpened, CudaDevice } from "../native/contract.js";
import { glibcVersion, loadAddon, loadCudaAddon, platformName } from "../native/load.js";
import { manifest } from "./manifest.js";
import { newestSymbolVersion } from "./symbolVersions.js";

/** What `nabla info --json` prints. What stands in {@link EngineReport} is missing when the engine does not start. */
export interface Report extends Partial<EngineReport> {
  nabla: string;
  node: string;
  /** The version of Node-API that this Node has. */
  nodeApi: string;
  platform: string;
  /** The version of the system's glibc; null where there is none. */
  glibc: string | null;
  cpu: string;
  /** The variables that nabla reads and that are set, but for secrets. */
  environment: Record<string, string>;
  /** In bytes. */
  memory: { total: number; available: number };
  models: ModelsReport;
  cuda: CudaReport;
  /** Why the engine does not start. */
  error?: string;
}

export interface EngineReport {
  addon: AddonReport;
  isa: { chosen: string; detected: string; why: string };
  threads: { count: number; why: string; cpus: number; pinned: boolean; pinning: string };
  convolution: string;
  /** Where tensors are made unless something else is said. */
  device: string;
  /** Bytes that tensors may take there. */
  memoryLimit: number;
}

export interface AddonReport {
  path: string;
  /** How it was found. */
  origin: "NABLA_ADDON" | "shipped" | "local build";
  bytes: number;
  /** The oldest versions of the system's libraries with which it loads; null where it needs none. */
  needs: { glibc: string | null; glibcxx: string | null };
}

/** The folder where models of the Hugging Face hub are kept. */
interface ModelsReport {
  folder: string;
  count: number;
  /** Whether `NABLA_OFFLINE` forbids to fetch others. */
  offline: boolean;
}

export interface CudaReport {
  available: boolean;
  /** Why not. */
  reason?: string;
  addon?: string;
  /** The CUDA versions of the driver and of the addon, such as "13.0"; null for none. */
  driver?: string | null;
  runtime?: string | null;
  devices?: readonly CudaDevice[];
}

export function inspect(): Report {
  const machine = {
    nabla: manifest.version,
    node: process.versions.node,
    nodeApi: process.versions["napi"]!,
    platform: platformName(),
    glibc: glibcVersion() ?? null,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    environment: inspectEnvironment(),
    memory: { total: totalmem(), available: process.availableMemory() },
    models: inspectModels(),
    cuda: inspectCuda(),
  };
  try {
    return { ...machine, ...inspectEngine() };
  } catch (error) {
    if (!(error instanceof NablaError)) throw error;
    return { ...machine, error: error.message };
  }
}

function inspectEnvironment(): Record<string, string> {
  const read = Object.entries(process.env).filter(([name]) => /^NABLA_|^HF_(HOME|HUB_CACHE|ENDPOINT)$/.test(name));
  return Object.fromEntries(read.sort()) as Record<string, string>;
}

function inspectModels(): ModelsReport {
  const folder = getHFHubCachePath();
  let count = 0;
  try {
    count = readdirSync(folder).filter((name) => name.startsWith("models--")).length;
  } catch {
    // It is made when the first model is fetched.
  }
  return { folder, count, offline: process.env["NABLA_OFFLINE"] === "1" };
}

function inspectEngine(): EngineReport {
  const addon = loadAddon();
  const facts = addon.info();
  const { opened, convolution } = streamOf("cpu");
  return {
    addon: inspectAddon(addon.path),
    isa: { chosen: opened.isa, detected: facts.isa, why: whyIsa(facts) },
    threads: {
      count: opened.threads,
      why: process.env["NABLA_THREADS"] ? "NABLA_THREADS" : "one for each CPU of this process",
      cpus: facts.cpus,
      pinned: opened.pinned,
      pinning: whyPinned(facts, opened),
    },
    convolution,
    device: currentDevice(),
    memoryLimit: currentStream().memory().limit,
  };
}

function inspectAddon(path: string): AddonReport {
  const shipped = path.includes(join("prebuilds", platformName()));
  return {
    path,
    origin: process.env["NABLA_ADDON"] ? "NABLA_ADDON" : shipped ? "shipped" : "local build",
    bytes: statSync(path).size,
    needs: { glibc: newestSymbolVersion(path, "GLIBC"), glibcxx: newestSymbolVersion(path, "GLIBCXX") },
  };
}

/** What the next better kernels need, by the best that there are. */
const BETTER: Readonly<Record<string, string>> = { scalar: "AVX2, FMA and BMI2", avx2: "AVX-512 F, BW, DQ and VL" };

function whyIsa({ isa }: CpuInfo): string {
  if (process.env["NABLA_ISA"]) return "NABLA_ISA";
  const better = process.arch === "x64" ? BETTER[isa] : undefined;
  return better === undefined ? "the best of this CPU" : `the best of this CPU, which does not offer ${better}`;
}

function whyPinned({ cpus: available }: CpuInfo, { threads, pinned }: CpuOpened): string {
  if (process.env["NABLA_PIN"]) return "NABLA_PIN";
  if (pinned) return "one to each CPU";
  return threads === available ? "the system refuses" : "there are not as many as CPUs";
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
