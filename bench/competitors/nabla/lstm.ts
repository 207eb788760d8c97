import { lstm as layer } from "nabla";
import type { RecurrentParams } from "../../cases/recurrent.js";
import type { Subject } from "../../harness/serve.js";
import { recurrent } from "./recurrent.js";

export const lstm = (params: RecurrentParams): Subject => recurrent(layer, params);
