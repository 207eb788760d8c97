import type { Case } from "../support/check-op.js";

interface Attributes {
  readonly indices: readonly number[];
  readonly shape: readonly number[];
  readonly axis: number;
}

const table: [readonly number[], Attributes][] = [
  [[5], { indices: [0, 4, 2], shape: [3], axis: 0 }],
  [[5], { indices: [3], shape: [], axis: 0 }],
  [[5], { indices: [1, 1, 1, 0], shape: [2, 2], axis: -1 }],
  [[4, 3], { indices: [2, 0, 2], shape: [3], axis: 0 }],
  [[4, 3], { indices: [2, 0], shape: [2], axis: 1 }],
  [[4, 3], { indices: [-1, -4], shape: [2], axis: 0 }],
  [[2, 5, 3], { indices: [4, 4, 0, 1], shape: [2, 2], axis: 1 }],
  [[7, 33], { indices: [6, 0, 3, 3, 1], shape: [5], axis: 0 }],
  [[3, 2], { indices: [], shape: [0], axis: 0 }],
  [[3, 0], { indices: [1], shape: [1], axis: 0 }],
];

export const cases: Case<Attributes>[] = table.map(([shape, attrs]) => ({
  name: `[${shape.join()}] at [${attrs.indices.join()}] as [${attrs.shape.join()}], axis ${attrs.axis}`,
  inputs: [{ shape }],
  attrs,
}));

/** x, then updates of the shape that gather would give. */
export const scatterCases: Case<Attributes>[] = table.map(([shape, attrs]) => {
  const axis = attrs.axis < 0 ? attrs.axis + shape.length : attrs.axis;
  return {
    name: `[${shape.join()}] at [${attrs.indices.join()}] as [${attrs.shape.join()}], axis ${attrs.axis}`,
    inputs: [{ shape }, { shape: shape.toSpliced(axis, 1, ...attrs.shape) }],
    attrs,
  };
});
