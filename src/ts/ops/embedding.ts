import type { DType } from "../dtype.js";
import { ShapeError } from "../errors.js";
import { checkTensor, defineOp } from "../op.js";
import { formatShape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { gatherDefinition, toIndices } from "./gather.js";

const embeddingOp = defineOp({ ...gatherDefinition, name: "embedding" });

/**
 * The rows of `table`, [rows, size], that the indices name: indices.shape -> [...indices.shape, size]. The table's
 * gradient is the sum of the gradients that each row gets. Negative indices count from the end; an index outside the
 * table is an IndexError of the next wait.
 *
 * @throws DTypeError unless the indices are int32 or uint8. @throws ShapeError unless the table has two dimensions.
 */
export function embedding<D extends DType>(indices: Tensor, table: Tensor<D>): Tensor<D> {
  checkTensor("embedding", indices);
  checkTensor("embedding", table);
  if (table.rank !== 2) {
    throw new ShapeError(
      `embedding: the table has not two dimensions: its shape is ${formatShape(table.shape)}, expected [rows, size]`,
    );
  }
  const places = toIndices("embedding", indices, table.device);
  const rows = embeddingOp([table, places], { axis: 0 })[0]! as Tensor<D>;
  if (places !== indices) places.dispose();
  return rows;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** The rows of a table that this tensor's indices name: see {@link embedding}. */
    embedding<T extends DType>(table: Tensor<T>): Tensor<T>;
  }
}
addMethod("embedding", embedding);
