import { shapes, type Case } from "../support/check-op.js";

export const dotCases: Case[] = [
  shapes([3], [3]),
  shapes([0], [0]),
  shapes([1], [1]),
  shapes([2, 3], [3, 5]),
  shapes([2, 3], [3]),
  shapes([3], [3, 7]),
  shapes([2, 0], [0, 3]),
  shapes([4], [2, 4, 3]),
  shapes([2, 3, 4], [4]),
  shapes([4], [2, 1, 4, 3]),
];

export const outerCases: Case[] = [
  shapes([3], [5]),
  shapes([], []),
  shapes([0], [3]),
  shapes([2, 3], [17]),
  shapes([1], [2, 2]),
];
