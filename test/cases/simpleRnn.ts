import { recurrentCases } from "./recurrent.js";

export const { plain, masked } = recurrentCases({ gates: 1, biasRows: 1, states: ["h"] }, [
  { size: [2, 3, 4, 5], activation: "relu" },
  { size: [3, 5, 7, 11], activation: "relu", backwards: true, state: false },
]);
