/** Around the four words of a block and the tiles of the kernel, and large enough for several threads. */
export const shapes: (readonly number[])[] = [
  [],
  [0],
  [1],
  [3],
  [4],
  [5],
  [17],
  [31, 3],
  [257],
  [1024],
  [1025],
  [70_001],
];

/** Seeds of one and two words. */
export const seeds = [0, 1, 42, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER];
