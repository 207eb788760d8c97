import { nd, type Nd } from "./nd.js";

export function eye(rows: number, columns: number): Nd {
  return nd([rows, columns], ([row, column]) => Number(row === column));
}
