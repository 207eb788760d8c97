import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Case, Work } from "../cases/case.js";
import type { Isa } from "./environment.js";

/** What the machine can do at best with so many threads. */
export interface Peaks {
  threads: number;
  /** The widest instruction set used. */
  isa: string;
  /** GFLOP/s of float32 multiply-adds. */
  fma: number;
  /** GFLOP/s of bfloat16 dot products, where the CPU has them. */
  bf16: number | null;
  /** GB/s, read and written bytes. */
  copy: number;
  /** GB/s */
  read: number;
}

const source = fileURLToPath(new URL("../../peaks/peaks.cc", import.meta.url));
const program = fileURLToPath(new URL("../../dist/peaks/peaks", import.meta.url));
export const compiler = process.env["CXX"] ?? "c++";

/** What the addon of CUDA tells of a device: clock in Hz, bandwidth in bytes a second. */
export interface CudaDevice {
  name: string;
  capability: number;
  multiprocessors: number;
  clock: number;
  bandwidth: number;
}

/** Compiles peaks/peaks.cc when it is newer than the program. */
function build(): void {
  if (existsSync(program) && statSync(program).mtimeMs >= statSync(source).mtimeMs) return;
  mkdirSync(dirname(program), { recursive: true });
  execFileSync(compiler, ["-O2", "-std=c++17", "-ffp-contract=fast", "-pthread", source, "-o", program]);
}

/** Takes seconds; nothing else should run. */
export function measurePeaks(threads: number, isa: Isa): Peaks {
  build();
  const cpus = Array.from({ length: threads }, (_, i) => i).join(",");
  const args = ["-c", cpus, program, String(threads), ...(isa === "avx2" ? ["avx2"] : [])];
  return { threads, ...(JSON.parse(execFileSync("taskset", args, { encoding: "utf8" })) as Omit<Peaks, "threads">) };
}

/** FP32 units of a multiprocessor by compute capability (CUDA C++ Programming Guide, "Arithmetic Instructions"). */
function fp32Units(capability: number): number {
  return capability <= 80 ? 64 : 128;
}

/** What a GPU can do by its data: nothing is measured, so a share of 1 is out of reach. */
export function cudaPeaks({ name, capability, multiprocessors, clock, bandwidth }: CudaDevice): Peaks {
  const fma = (2 * fp32Units(capability) * multiprocessors * clock) / 1e9;
  return { threads: 1, isa: name, fma, bf16: null, copy: bandwidth / 1e9, read: bandwidth / 1e9 };
}

/** How fast a case went, in the unit that its work is counted in, and which part of the machine's limit that is. */
export interface Rate {
  value: number;
  unit: "GFLOP/s" | "GB/s" | "M calls/s";
  /** 1 is the measured limit; more is possible where data stays in the caches or an algorithm saves work. */
  ofPeak?: number;
}

export function rateOf(work: Work, seconds: number, peaks: Peaks | undefined): Rate {
  if ("calls" in work) return { value: work.calls / seconds / 1e6, unit: "M calls/s" };
  const value = ("flops" in work ? work.flops : work.bytes) / seconds / 1e9;
  const limit = peaks?.[work.peak];
  return { value, unit: "flops" in work ? "GFLOP/s" : "GB/s", ofPeak: limit ? value / limit : undefined };
}

/** The least time the case can take by the measured limit, if it has one. */
export function isAtPeak({ work }: Case, seconds: number, peaks: Peaks | undefined, from: number): boolean {
  return work !== undefined && (rateOf(work, seconds, peaks).ofPeak ?? 0) >= from;
}
