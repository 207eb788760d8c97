import { ArgumentError } from "./errors.js";
import type { AddonInfo, OpenOptions } from "./native/contract.js";

const ISAS = ["scalar", "avx2", "avx512"];

/** How convolutions are computed; a name's place is its number in commands (native/cpu/gemm/conv_method.h). */
export const CONVOLUTIONS = ["auto", "im2col", "winograd"] as const;
export type Convolution = (typeof CONVOLUTIONS)[number];

/**
 * The environment variables that the engine reads when it starts.
 *
 * - `NABLA_ISA=scalar|avx2|avx512` caps the instruction set;
 * - `NABLA_THREADS=n` sets the threads that compute (1 to 1024; default: the CPUs this process may use);
 * - `NABLA_PIN=0|1` forbids or forces pinning them to CPUs;
 * - `NABLA_CONV=im2col|winograd` computes 3x3 convolutions never, or wherever it is possible, by Winograd's algorithm (by
 *   default: where that is faster);
 * - `NABLA_MEMORY_LIMIT=bytes` bounds the memory of tensors;
 * - `NABLA_SYNC=1` makes every op wait for its result, so that run-time errors are thrown where they arise.
 *
 * @throws ArgumentError for a value that is none of these.
 */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  info: AddonInfo,
): OpenOptions & { sync: boolean; convolution: Convolution } {
  const isa = environment["NABLA_ISA"] || info.isa;
  if (!ISAS.includes(isa)) {
    throw new ArgumentError(`NABLA_ISA: unknown instruction set: "${isa}", expected one of ${ISAS.join(", ")}`);
  }
  if (ISAS.indexOf(isa) > ISAS.indexOf(info.isa)) {
    throw new ArgumentError(`NABLA_ISA: this CPU lacks "${isa}": the best it has is "${info.isa}"`);
  }
  const threads = integer(environment, "NABLA_THREADS", 1, 1024) ?? info.cpus;
  const pin = flag(environment, "NABLA_PIN") ?? threads === info.cpus;
  const memoryLimit = integer(environment, "NABLA_MEMORY_LIMIT", 1, Number.MAX_SAFE_INTEGER) ?? 0;
  const convolution = convolutionOf(environment["NABLA_CONV"] || "auto");
  return { isa, threads, pin, memoryLimit, convolution, sync: flag(environment, "NABLA_SYNC") ?? false };
}

function convolutionOf(name: string): Convolution {
  const known = CONVOLUTIONS.find((convolution) => convolution === name);
  if (known) return known;
  throw new ArgumentError(`NABLA_CONV: unknown algorithm: "${name}", expected one of ${CONVOLUTIONS.join(", ")}`);
}

function integer(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
  least: number,
  most: number,
): number | undefined {
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
export function flag(environment: Readonly<Record<string, string | undefined>>, name: string): boolean | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  if (text !== "0" && text !== "1") throw new ArgumentError(`${name}: unknown value: "${text}", expected 0 or 1`);
  return text === "1";
}
