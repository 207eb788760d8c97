import { elementwise } from "./nd.js";

export const where = elementwise((condition, a, b) => (condition ? a : b));
