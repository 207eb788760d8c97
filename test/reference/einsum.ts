import type { EinsumAttributes } from "../cases/einsum.js";
import { getBroadcast, indices, nd, type Nd } from "./nd.js";

/** Nested loops over every letter; an ellipsis is written out in digits first. */
export function einsum(inputs: readonly Nd[], { equation }: EinsumAttributes): Nd {
  const [left, right] = equation.replaceAll(" ", "").split("->");
  const terms = left!.split(",");
  const widths = terms.map((term, i) =>
    term.includes("...") ? inputs[i]!.shape.length - term.replace("...", "").length : 0,
  );
  const digits = (width: number): string => "7654321".slice(7 - width);
  const expanded = terms.map((term, i) => term.replace("...", digits(widths[i]!)));
  const letters = [...new Set(expanded.join(""))];
  const output =
    right === undefined
      ? [
          ...digits(Math.max(...widths)),
          ...letters.filter((l) => /[A-Za-z]/.test(l) && expanded.join("").split(l).length === 2).sort(),
        ]
      : [...right.replace("...", digits(Math.max(...widths)))];
  const sizes = new Map<string, number>();
  expanded.forEach((term, i) =>
    [...term].forEach((letter, axis) => {
      const size = inputs[i]!.shape[axis]!;
      if ((sizes.get(letter) ?? 1) === 1) sizes.set(letter, size);
    }),
  );
  const summed = letters.filter((letter) => !output.includes(letter));
  return nd(
    output.map((letter) => sizes.get(letter)!),
    (index) => {
      const at = new Map(output.map((letter, axis) => [letter, index[axis]!]));
      let sum = 0;
      for (const inner of indices(summed.map((letter) => sizes.get(letter)!))) {
        summed.forEach((letter, i) => at.set(letter, inner[i]!));
        sum += inputs.reduce(
          (product, input, i) =>
            product *
            getBroadcast(
              input,
              [...expanded[i]!].map((letter) => at.get(letter)!),
            ),
          1,
        );
      }
      return sum;
    },
  );
}
