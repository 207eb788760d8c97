import { count } from "../reference/nd.js";

/**
 * How the elements of a test input are drawn.
 *
 * - normal: both signs, a little around 0; nonzero: at least 0.1 away from 0, where |x| and relu have their kinks
 * - positive: 0.2 to 3; unit: 0.05 to 0.95; distinct: no two elements closer than 0.01, so that a maximum has one place
 * - integers: -9 to 9; labels: 0 to 2; bool: 0 or 1
 */
export type Values =
  "normal" | "nonzero" | "positive" | "unit" | "distinct" | "integers" | "labels" | "bool" | readonly number[];

/** The same numbers on every machine and run: mulberry32, seeded with the hash of a text. */
export function random(text: string): () => number {
  let state = 2166136261;
  for (const character of text) state = Math.imul(state ^ character.charCodeAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Elements that float32 holds exactly. */
export function draw(values: Values, shape: readonly number[], next: () => number): Float64Array {
  const size = count(shape);
  if (typeof values !== "string") {
    if (values.length !== size) throw new Error(`the case gives ${values.length} values for shape [${shape.join()}]`);
    return Float64Array.from(values);
  }
  const drawn =
    values === "distinct" ? permutation(size, next) : Float64Array.from({ length: size }, () => one(values, next));
  return drawn.map(Math.fround);
}

function one(values: Exclude<Values, "distinct" | readonly number[]>, next: () => number): number {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  switch (values) {
    case "normal":
      return normal();
    case "nonzero": {
      const x = normal();
      return x + Math.sign(x || 1) * 0.1;
    }
    case "positive":
      return 0.2 + 2.8 * next();
    case "unit":
      return 0.05 + 0.9 * next();
    case "integers":
      return Math.floor(next() * 19) - 9;
    case "labels":
      return Math.floor(next() * 3);
    case "bool":
      return next() < 0.5 ? 0 : 1;
  }
}

function permutation(size: number, next: () => number): Float64Array {
  const order = Float64Array.from({ length: size }, (_, i) => (i - size / 2) * 0.015625);
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
