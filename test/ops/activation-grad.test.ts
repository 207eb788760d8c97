import { activationBiasGrad, activationGrad } from "../../src/ts/ops/activation-grad.js";
import { biasCases, cases } from "../cases/activation-grad.js";
import { activationGrad as reference, biasGrad } from "../reference/activation-grad.js";
import { checkOp } from "../support/check-op.js";

checkOp({
  op: "activationGrad",
  cases,
  run: ([dy, y], activation) => activationGrad(dy!, y!, activation),
  reference,
  // The gradient by y is that of the slope as a function of y; for relu it is 0 on both sides.
  gradient: [0],
});

checkOp({
  op: "activationGrad by y",
  cases: cases.filter(({ attrs }) => attrs !== "relu"),
  run: ([dy, y], activation) => activationGrad(dy!, y!, activation),
  reference,
  gradient: [1],
});

checkOp({
  op: "activationGrad with the bias",
  cases: biasCases,
  run: ([dy, y], activation) => activationBiasGrad(dy!, y!, activation)[0],
  reference,
  gradient: [0],
});

checkOp({
  op: "the bias of activationGrad",
  cases: biasCases,
  run: ([dy, y], activation) => activationBiasGrad(dy!, y!, activation)[1],
  reference: biasGrad,
  tolerance: { float32: 2e-5, float64: 1e-12 }, // sums of up to 130 numbers around 1
  gradient: [0],
});
