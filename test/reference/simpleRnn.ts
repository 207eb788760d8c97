import { dot, recurrent } from "./recurrent.js";

export const simpleRnn = recurrent(
  (x, [h], { kernel, recurrentKernel, bias }, { activation }) => {
    const next = h!.map((_, j) => {
      const sum = dot(x, kernel, j) + dot(h!, recurrentKernel, j) + (bias?.data[j] ?? 0);
      return activation === "tanh" ? Math.tanh(sum) : Math.max(0, sum);
    });
    return [next];
  },
  ["h"],
);
