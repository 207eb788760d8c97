import type { Tensor } from "nabla";
import type { Pool2dParams } from "../../cases/pool2d.js";
import type { Subject } from "../../harness/serve.js";
import { input, stepOf } from "./step.js";

/** A pooling with windows of 2x2, by its function. */
export function pool2d(pool: (x: Tensor) => Tensor, params: Pool2dParams): Subject {
  const { batch, size, channels, backward } = params;
  const x = input(1, [batch, size, size, channels], backward);
  const dy = backward ? input(2, [batch, size / 2, size / 2, channels]) : undefined;
  return stepOf(() => pool(x), [x], dy);
}
