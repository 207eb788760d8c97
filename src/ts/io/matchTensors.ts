import { isInteger, type DType } from "../dtype.js";
import { FormatError } from "../errors.js";
import { cast } from "../ops/cast.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { show } from "./json.js";

const MOST_LISTED = 10;

/** What is compared of a tensor. */
type Described = Pick<Tensor, "dtype" | "shape">;

/**
 * @internal Pairs what a model has with what a file has, by name.
 *
 * @throws FormatError that lists what is missing in the file, what the model has no place for, and what is of another
 * shape or dtype.
 */
export function matchTensors<W extends Described>(
  op: string,
  file: string,
  wanted: ReadonlyMap<string, W>,
  given: ReadonlyMap<string, Tensor>,
): [wanted: W, given: Tensor][] {
  const missing = [...wanted.keys()].filter((name) => !given.has(name)).map((name) => show(name));
  const unexpected = [...given.keys()].filter((name) => !wanted.has(name)).map((name) => show(name));
  const pairs = [...wanted].flatMap(([name, weight]): [string, W, Tensor][] => {
    const value = given.get(name);
    return value ? [[name, weight, value]] : [];
  });
  const misfits = pairs
    .filter(([, weight, value]) => weight.dtype !== value.dtype || !sameShape(weight.shape, value.shape))
    .map(([name, weight, value]) => `${show(name)} is ${spell(value)}, expected ${spell(weight)}`);
  const problems = [
    list("missing", missing),
    list("unexpected", unexpected),
    list("of another shape or dtype", misfits),
  ].filter((problem) => problem !== "");
  if (problems.length > 0) throw new FormatError(`${op}: the tensors do not fit: ${problems.join("; ")}: in ${file}`);
  return pairs.map(([, weight, value]) => [weight, value]);
}

/** @internal A file's values in the dtype of a weight; integers and bools as they are, which do not fit then. */
export function castFloats(value: Tensor, dtype: DType): Tensor {
  return value.dtype === dtype || isInteger(value.dtype) ? value : cast(value, dtype);
}

function spell({ dtype, shape }: Described): string {
  return `${dtype} ${formatShape(shape)}`;
}

function list(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const more = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : "";
  return `${what}: ${names.slice(0, MOST_LISTED).join(", ")}${more}`;
}
