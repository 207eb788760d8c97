import { dot, recurrent, sigmoid } from "./recurrent.js";

export const lstm = recurrent(
  (x, [h, c], { kernel, recurrentKernel, bias }) => {
    const units = h!.length;
    const next = c!.map((before, j) => {
      const gate = (k: number): number => {
        const at = k * units + j;
        return dot(x, kernel, at) + dot(h!, recurrentKernel, at) + (bias?.data[at] ?? 0);
      };
      return sigmoid(gate(1)) * before + sigmoid(gate(0)) * Math.tanh(gate(2));
    });
    const output = next.map((value, j) => {
      const at = 3 * units + j;
      return sigmoid(dot(x, kernel, at) + dot(h!, recurrentKernel, at) + (bias?.data[at] ?? 0)) * Math.tanh(value);
    });
    return [output, next];
  },
  ["h", "c"],
);
