import { shapes, type Case } from "../support/check-op.js";
import { sizes } from "./unary.js";

export const cases: Case[] = [...sizes, [67, 65], [3, 1, 5], [2, 3, 4, 5]].map((shape) => shapes(shape));
