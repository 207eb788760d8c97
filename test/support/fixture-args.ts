import * as nabla from "nabla";
import { matmul, type MatmulOptions, type Tensor } from "nabla";

type Call = (...args: unknown[]) => Tensor | Tensor[] | Record<string, Tensor>;

/** matmul of operands that are stored as bfloat16. */
const matmulOfBFloat16 = (a: Tensor, b: Tensor, options?: MatmulOptions): Tensor =>
  matmul(a.cast("bfloat16"), b.cast("bfloat16"), options);

/** What a fixture's `op` names: a function of nabla's, or one that is composed of them here. */
export const functions = { ...nabla, matmulOfBFloat16 } as unknown as Record<string, Call>;

/** The arguments of a fixture's case, with the inputs in their places. */
export function fill(args: unknown, inputs: readonly Tensor[]): unknown {
  if (Array.isArray(args)) return args.map((arg) => fill(arg, inputs));
  if (typeof args !== "object" || args === null) return args;
  if ("input" in args) return inputs[args.input as number];
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, fill(value, inputs)]));
}
