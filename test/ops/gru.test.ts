import { gru } from "nabla";
import { gruCell } from "../../src/ts/ops/gru.js";
import { masked, plain } from "../cases/gru.js";
import { gru as reference } from "../reference/gru.js";
import { checkRecurrent, type RecurrentOp } from "../support/check-recurrent.js";

checkRecurrent({
  name: "gru",
  op: gru as unknown as RecurrentOp,
  cell: gruCell,
  cases: { plain, masked },
  reference,
});
