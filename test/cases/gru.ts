import { recurrentCases } from "./recurrent.js";

export const { plain, masked } = recurrentCases({ gates: 3, biasRows: 2, states: ["h"] });
