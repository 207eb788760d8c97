import { closest, distance } from "fastest-levenshtein";
import { ArgumentError, describe } from "./errors.js";

/** The error for a name that is none of `known`: it suggests the nearest one, or lists them all. */
export function unknownName(op: string, what: string, given: unknown, known: readonly string[]): ArgumentError {
  return new ArgumentError(`${op}: unknown ${what}: ${describe(given)}, ${suggestion(given, known)}`);
}

/** What a message of an unknown name ends with: the nearest one that there is, or all. */
export function suggestion(given: unknown, known: readonly string[]): string {
  const all = `expected one of ${known.join(", ")}`;
  if (typeof given !== "string" || given === "") return all;
  // Keras' spelling in Python differs by underscores and capitals only.
  const plain = (name: string): string => name.replaceAll("_", "").toLowerCase();
  const nearest = closest(plain(given), known.map(plain));
  const steps = distance(plain(given), nearest);
  const near = steps <= Math.max(2, given.length / 3) && steps < given.length / 2 + 0.5;
  return near ? `did you mean "${known.find((name) => plain(name) === nearest)}"?` : all;
}
