import { shapes, type Case } from "../support/check-op.js";
import { pairs, specials } from "./binary.js";

export const comparisons: Case[] = [
  ...pairs.map(([a, b]) => shapes({ shape: a, values: "integers" }, { shape: b, values: "integers" })),
  specials,
];

export const logical: Case[] = pairs.map(([a, b]) =>
  shapes({ shape: a, values: "bool" }, { shape: b, values: "bool" }),
);

export const negation: Case[] = pairs.map(([a]) => shapes({ shape: a, values: "bool" }));
