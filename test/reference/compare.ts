import { elementwise } from "./nd.js";

export const reference = {
  equal: elementwise((a, b) => Number(a === b)),
  notEqual: elementwise((a, b) => Number(a !== b)),
  greater: elementwise((a, b) => Number(a > b)),
  greaterEqual: elementwise((a, b) => Number(a >= b)),
  less: elementwise((a, b) => Number(a < b)),
  lessEqual: elementwise((a, b) => Number(a <= b)),
  logicalNot: elementwise((a) => Number(!a)),
  logicalAnd: elementwise((a, b) => Number(a && b)),
  logicalOr: elementwise((a, b) => Number(a || b)),
};
