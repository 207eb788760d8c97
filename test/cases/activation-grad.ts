import type { ActivationName } from "nabla";
import type { Case } from "../support/check-op.js";
import { sizes } from "./unary.js";

/** dy and y, the result of the activation. */
export const cases: Case<ActivationName>[] = (["relu", "sigmoid", "tanh"] as const).flatMap((activation) =>
  sizes.map((shape) => ({
    name: `${activation} [${shape.join()}]`,
    inputs: [{ shape }, { shape, values: activation === "relu" ? "nonzero" : "unit" }],
    attrs: activation,
  })),
);

/** With the sum over all axes but the last. */
export const biasCases: Case<ActivationName>[] = (["none", "relu", "sigmoid", "tanh"] as const).flatMap((activation) =>
  [[1, 1], [3, 5], [130, 17], [2, 3, 7], [0, 3], [5]].map((shape) => ({
    name: `${activation} [${shape.join()}]`,
    inputs: [{ shape }, { shape, values: activation === "relu" ? "nonzero" : "unit" }],
    attrs: activation,
  })),
);
