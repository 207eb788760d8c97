import { sizes } from "./unary.js";

export const cases: (readonly number[])[] = [...sizes, [311, 457]];
