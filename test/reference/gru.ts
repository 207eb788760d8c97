import { dot, recurrent, sigmoid } from "./recurrent.js";

export const gru = recurrent(
  (x, [h], { kernel, recurrentKernel, bias }) => {
    const units = h!.length;
    const next = h!.map((before, j) => {
      const given = (k: number): number => dot(x, kernel, k * units + j) + (bias?.data[k * units + j] ?? 0);
      const own = (k: number): number =>
        dot(h!, recurrentKernel, k * units + j) + (bias?.data[(3 + k) * units + j] ?? 0);
      const z = sigmoid(given(0) + own(0));
      const r = sigmoid(given(1) + own(1));
      return z * before + (1 - z) * Math.tanh(given(2) + r * own(2));
    });
    return [next];
  },
  ["h"],
);
