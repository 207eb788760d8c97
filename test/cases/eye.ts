/** [rows, columns] */
export const cases: [number, number][] = [
  [0, 0],
  [1, 1],
  [3, 3],
  [2, 5],
  [5, 2],
  [17, 17],
  [0, 3],
];
