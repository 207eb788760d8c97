/** Below and above the 64 elements that travel in a command. */
export const shapes: (readonly number[])[] = [[], [0], [1], [5], [3, 0], [8, 8], [65], [2, 3, 4], [257]];

/** Arguments of arange. */
export const ranges: [start: number, stop: number, step: number][] = [
  [0, 5, 1],
  [2, 5, 1],
  [5, 0, -1],
  [0, 5, 2],
  [0, -5, 1],
  [-3, 100, 7],
  [0, 0, 1],
];
