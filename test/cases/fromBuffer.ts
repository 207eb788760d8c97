import type { DType } from "nabla";

export interface FromBufferCase {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly byteOffset: number;
}

const dtypes: DType[] = ["float32", "float64", "int32", "uint8", "bool"];

/** Below and above the 64 elements that travel in a command, aligned and not. */
export const cases: FromBufferCase[] = dtypes.flatMap((dtype) =>
  [[], [0], [7], [2, 3], [5, 31]].flatMap((shape) => [0, 1, 3, 8].map((byteOffset) => ({ dtype, shape, byteOffset }))),
);
