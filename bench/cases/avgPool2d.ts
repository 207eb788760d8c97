import type { Case } from "./case.js";
import { pool2d } from "./pool2d.js";

export const cases: Case[] = pool2d(
  "avgPool2d",
  "average-pool",
  (window) => window.reduce((a, b) => a + b) / 4,
  () => 1 / 4,
);
