import { ArgumentError } from "./errors.js";
import type { CpuInfo, CpuOptions, CudaOptions } from "./native/contract.js";

const ISAS = ["scalar", "avx2", "avx512", "neon"];

/** How convolutions are computed; a name's place is its number in commands (native/cpu/gemm/conv_method.h). */
export const CONVOLUTIONS = ["auto", "im2col", "winograd"] as const;
export type Convolution = (typeof CONVOLUTIONS)[number];

export type Environment = Readonly<Record<string, string | undefined>>;

/** What every device's stream reads from the environment. */
export interface StreamOptions {
  readonly sync: boolean;
  readonly convolution: Convolution;
  readonly memoryLimit: number;
}

/**
 * The environment variables that a stream reads when it starts, whatever its device.
 *
 * - `NABLA_CONV=im2col|winograd` computes 3x3 convolutions never, or wherever it is possible, by Winograd's algorithm (by
 *   default: where that is faster);
 * - `NABLA_MEMORY_LIMIT=bytes` bounds the memory of tensors on each device;
 * - `NABLA_SYNC=1` makes every op wait for its result, so that run-time errors are thrown where they arise.
 *
 * @throws ArgumentError for a value that is none of these.
 */
export function streamOptions(environment: Environment): StreamOptions {
  const memoryLimit = integer(environment, "NABLA_MEMORY_LIMIT", 1, Number.MAX_SAFE_INTEGER) ?? 0;
  const convolution = convolutionOf(environment["NABLA_CONV"] || "auto");
  return { sync: flag(environment, "NABLA_SYNC") ?? false, convolution, memoryLimit };
}

/**
 * Those of the CPU.
 *
 * - `NABLA_ISA=scalar|avx2|avx512|neon` chooses the instruction set, by default the best of this CPU;
 * - `NABLA_THREADS=n` sets the threads that compute (1 to 1024; default: the CPUs this process may use);
 * - `NABLA_PIN=0|1` forbids or forces pinning them to CPUs.
 *
 * @throws ArgumentError as {@link streamOptions} does.
 */
export function cpuOptions(environment: Environment, info: CpuInfo): Omit<CpuOptions, "memoryLimit"> {
  const isa = environment["NABLA_ISA"] || info.isa;
  if (!ISAS.includes(isa)) {
    throw new ArgumentError(`NABLA_ISA: unknown instruction set: "${isa}", expected one of ${ISAS.join(", ")}`);
  }
  if (!info.isas.includes(isa)) {
    throw new ArgumentError(`NABLA_ISA: this CPU lacks "${isa}": the best it has is "${info.isa}"`);
  }
  const threads = integer(environment, "NABLA_THREADS", 1, 1024) ?? info.cpus;
  return { isa, threads, pin: flag(environment, "NABLA_PIN") ?? threads === info.cpus };
}

/**
 * Those of CUDA: `NABLA_TF32=1` lets products of float32 matrices and convolutions round their factors to TF32 (10 bits of
 * mantissa), which tensor cores multiply several times faster.
 *
 * @throws ArgumentError as {@link streamOptions} does.
 */
export function cudaOptions(environment: Environment): Omit<CudaOptions, "memoryLimit"> {
  return { device: 0, allowTf32: flag(environment, "NABLA_TF32") ?? false };
}

function convolutionOf(name: string): Convolution {
  const known = CONVOLUTIONS.find((convolution) => convolution === name);
  if (known) return known;
  throw new ArgumentError(`NABLA_CONV: unknown algorithm: "${name}", expected one of ${CONVOLUTIONS.join(", ")}`);
}

function integer(environment: Environment, name: string, least: number, most: number): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ArgumentError(
      `${name}: not a number of the right size: "${text}", expected an integer from ${least} to ${most}`,
    );
  }
  return value;
}

/** @throws ArgumentError unless the variable is 0, 1, empty or not set. */
export function flag(environment: Environment, name: string): boolean | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  if (text !== "0" && text !== "1") throw new ArgumentError(`${name}: unknown value: "${text}", expected 0 or 1`);
  return text === "1";
}
