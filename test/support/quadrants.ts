import { Sequential, layers, optimizers, randn, setSeed, tensor, type Tensor } from "nabla";

/** Points in the plane, and the quadrant that each lies in. */
export function quadrants(count: number): { x: Tensor; y: Tensor; labels: Int32Array } {
  setSeed(7);
  const x = randn([count, 2]);
  const values = x.dataSync();
  const labels = Int32Array.from(
    { length: count },
    (_, i) => (values[2 * i]! > 0 ? 1 : 0) + (values[2 * i + 1]! > 0 ? 2 : 0),
  );
  return { x, y: tensor(labels), labels };
}

/** A small model for them, compiled. */
export function classifier(options: { optimizer?: optimizers.Optimizer } = {}): Sequential {
  const model = new Sequential([
    new layers.Dense({ units: 16, activation: "relu", inputShape: [2] }),
    new layers.Dense({ units: 4, activation: "softmax" }),
  ]);
  const { optimizer = new optimizers.Adam({ learningRate: 0.01 }) } = options;
  model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

/** The values of all weights. */
export const weightsOf = (model: Sequential): unknown[] => model.weights.map((weight) => weight.dataSync());
