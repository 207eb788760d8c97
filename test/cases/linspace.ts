/** Arguments of linspace. */
export const cases: [start: number, stop: number, count: number, endpoint: boolean][] = [
  [0, 1, 5, true],
  [0, 1, 5, false],
  [2, -3, 7, true],
  [2, -3, 7, false],
  [0, 10, 1, true],
  [0, 10, 1, false],
  [0, 10, 0, true],
  [3, 3, 4, true],
  [-5, 100, 33, true],
  [0, 255, 11, true],
  [0, -7, 4, true],
];
