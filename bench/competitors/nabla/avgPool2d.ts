import { avgPool2d as pool } from "nabla";
import type { Pool2dParams } from "../../cases/pool2d.js";
import type { Subject } from "../../harness/serve.js";
import { pool2d } from "./pool2d.js";

export function avgPool2d(params: Pool2dParams): Subject {
  return pool2d((x) => pool(x), params);
}
