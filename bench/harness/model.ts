import { Sequential, layers } from "nabla";

/** The README's CNN, not compiled. */
export function makeCnn(): Sequential {
  return new Sequential([
    new layers.Conv2D({ filters: 32, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
    new layers.MaxPooling2D({ poolSize: 2 }),
    new layers.Conv2D({ filters: 64, kernelSize: 3, activation: "relu" }),
    new layers.MaxPooling2D({ poolSize: 2 }),
    new layers.Flatten(),
    new layers.Dense({ units: 128, activation: "relu" }),
    new layers.Dense({ units: 10, activation: "softmax" }),
  ]);
}
