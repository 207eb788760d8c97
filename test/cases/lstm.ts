import { recurrentCases } from "./recurrent.js";

export const { plain, masked } = recurrentCases({ gates: 4, biasRows: 1, states: ["h", "c"] }, [
  { size: [2, 3, 2, 4], parts: ["c"] },
  { size: [3, 2, 2, 5], parts: ["h", "c"], state: false },
]);
