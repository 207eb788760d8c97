import { simpleRnn } from "nabla";
import { simpleRnnCell } from "../../src/ts/ops/simpleRnn.js";
import { masked, plain } from "../cases/simpleRnn.js";
import { simpleRnn as reference } from "../reference/simpleRnn.js";
import { checkRecurrent, type RecurrentOp } from "../support/check-recurrent.js";

checkRecurrent({
  name: "simpleRnn",
  op: simpleRnn as unknown as RecurrentOp,
  cell: simpleRnnCell,
  cases: { plain, masked },
  reference,
});
