import { ArgumentError, ShapeError } from "../errors.js";
import type { Tensors } from "../layers/layer.js";
import { logicalAnd, notEqual } from "../ops/compare.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** The inputs of BERT's family, in the order of their lists. */
export const INPUT_NAMES: readonly string[] = ["inputIds", "attentionMask", "tokenTypeIds"];

export interface TokenInputs {
  /** [batch, length] */
  readonly ids: Tensor;
  readonly types: Tensor | null;
  /** bool [batch, length], true for a token that counts; null when all do. */
  readonly mask: Tensor | null;
}

/**
 * What a model was given, with the masks of the input and of the call as one.
 *
 * @throws ArgumentError for a list of another length. @throws ShapeError for inputs of different shapes.
 */
export function tokenInputs(op: string, x: Tensors, given: Tensor | null): TokenInputs {
  const list = (Array.isArray(x) ? x : [x]) as readonly Tensor[];
  if (list.length < 1 || list.length > INPUT_NAMES.length) {
    throw new ArgumentError(
      `${op}: the input is wrong: a list of ${list.length}, expected [${INPUT_NAMES.join(", ")}], of which all but the first may be left out`,
    );
  }
  const [ids, attention, types = null] = list as [Tensor, Tensor?, Tensor?];
  list.forEach(({ shape }, i) => {
    if (sameShape(shape, ids.shape)) return;
    throw new ShapeError(
      `${op}: ${INPUT_NAMES[i]} does not fit: its shape is ${formatShape(shape)}, expected ${formatShape(ids.shape)}, that of inputIds`,
    );
  });
  return { ids, types, mask: bothMasks(attention ?? null, given) };
}

/** An attention mask may be of any dtype: what is not 0 counts. */
function bothMasks(attention: Tensor | null, given: Tensor | null): Tensor | null {
  if (attention === null) return given;
  const counts = attention.dtype === "bool" ? attention : notEqual(attention, 0);
  return given === null ? counts : logicalAnd(counts, given);
}
