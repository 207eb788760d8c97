import { lstm } from "nabla";
import { lstmCell } from "../../src/ts/ops/lstm.js";
import { masked, plain } from "../cases/lstm.js";
import { lstm as reference } from "../reference/lstm.js";
import { checkRecurrent, type RecurrentOp } from "../support/check-recurrent.js";

checkRecurrent({
  name: "lstm",
  op: lstm as unknown as RecurrentOp,
  cell: lstmCell,
  cases: { plain, masked },
  reference,
});
