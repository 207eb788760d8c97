export interface OneHotCase {
  readonly indices: readonly number[];
  readonly shape: readonly number[];
  readonly depth: number;
  readonly axis: number;
}

export const cases: OneHotCase[] = [
  { indices: [0, 2, 1], shape: [3], depth: 3, axis: -1 },
  { indices: [0, 2, 1], shape: [3], depth: 4, axis: 0 },
  { indices: [1], shape: [], depth: 3, axis: -1 },
  { indices: [-1, 0, 5, 3], shape: [4], depth: 3, axis: -1 },
  { indices: [0, 1, 2, 3, 4, 5], shape: [2, 3], depth: 5, axis: 1 },
  { indices: [0, 1, 2, 3, 4, 5], shape: [3, 2], depth: 7, axis: -3 },
  { indices: [], shape: [0], depth: 3, axis: -1 },
  { indices: [0, 1], shape: [2], depth: 0, axis: -1 },
  { indices: [16, 0], shape: [2], depth: 17, axis: -1 },
];
