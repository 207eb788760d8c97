import type { Case } from "./case.js";
import { pool2d } from "./pool2d.js";

export const cases: Case[] = pool2d(
  "maxPool2d",
  "max-pool",
  (window) => Math.max(...window),
  (window, i) => (window.indexOf(Math.max(...window)) === i ? 1 : 0),
);
