import { ArgumentError, ShapeError, describe } from "../errors.js";
import { formatShape, type Shape } from "../shape.js";

/** A letter, or "...n" for the axis that is n axes before the last one of an ellipsis. */
export type Label = string;

/** What an equation says of operands of given shapes. */
export interface Equation {
  /** The label of each axis of each operand. */
  readonly inputs: readonly (readonly Label[])[];
  readonly output: readonly Label[];
  /** Of axes of size 1 and others, the others' size. */
  readonly sizes: ReadonlyMap<Label, number>;
}

/** The letters of one operand or the output, on both sides of an ellipsis. */
interface Term {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly ellipsis: boolean;
}

const ELLIPSIS = "...";

/** @internal Reads an equation of `einsum` for operands of these shapes. @throws ArgumentError, ShapeError */
export function parseEquation(equation: unknown, shapes: readonly Shape[]): Equation {
  if (typeof equation !== "string") {
    throw new ArgumentError(
      `einsum: the equation is not a string: ${describe(equation)}, expected one like "ij,jk->ik"`,
    );
  }
  const sides = equation.replaceAll(" ", "").split("->");
  if (sides.length > 2) {
    throw new ArgumentError(`einsum: the equation has several "->": ${describe(equation)}, expected at most one`);
  }
  const terms = sides[0]!.split(",").map((text) => parseTerm(equation, text));
  if (terms.length !== shapes.length) {
    throw new ArgumentError(
      `einsum: the number of operands differs: ${describe(equation)} names ${terms.length}, there are ${shapes.length}`,
    );
  }
  const inputs = terms.map((term, i) => labelsOf(equation, term, shapes[i]!, i));
  const hidden = [...new Set(inputs.flat().filter((label) => label.startsWith(ELLIPSIS)))].sort().reverse();
  const output =
    sides.length === 1 ? implicitOutput(inputs, hidden) : explicitOutput(equation, sides[1]!, inputs, hidden);
  return { inputs, output, sizes: measure(inputs, shapes) };
}

function parseTerm(equation: string, text: string): Term {
  const match = /^([A-Za-z]*)(\.\.\.)?([A-Za-z]*)$/.exec(text);
  if (match === null) {
    throw new ArgumentError(
      `einsum: the equation is malformed: ${describe(text)} in ${describe(equation)}, expected letters and at most one "..."`,
    );
  }
  return { before: [...match[1]!], after: [...match[3]!], ellipsis: match[2] !== undefined };
}

function labelsOf(equation: string, { before, after, ellipsis }: Term, shape: Shape, operand: number): Label[] {
  const letters = before.length + after.length;
  const extra = shape.length - letters;
  if (extra < 0 || (extra > 0 && !ellipsis)) {
    throw new ShapeError(
      `einsum: operand ${operand} does not fit ${describe(equation)}: its shape is ${formatShape(shape)}, expected ${letters} dimension${letters === 1 ? "" : "s"}${ellipsis ? " or more" : ""}`,
    );
  }
  const hidden = Array.from({ length: extra }, (_, i) => `${ELLIPSIS}${extra - 1 - i}`);
  return [...before, ...hidden, ...after];
}

function implicitOutput(inputs: Equation["inputs"], hidden: readonly Label[]): Label[] {
  const letters = inputs.flat().filter((label) => !hidden.includes(label));
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  return [...hidden, ...once.sort()];
}

function explicitOutput(equation: string, text: string, inputs: Equation["inputs"], hidden: readonly Label[]): Label[] {
  const { before, after, ellipsis } = parseTerm(equation, text);
  const letters = [...before, ...after];
  const known = new Set(inputs.flat());
  letters.forEach((letter, i) => {
    if (!known.has(letter)) {
      throw new ArgumentError(`einsum: the output letter "${letter}" is in no operand: ${describe(equation)}`);
    }
    if (letters.indexOf(letter) !== i) {
      throw new ArgumentError(`einsum: the output letter "${letter}" is named twice: ${describe(equation)}`);
    }
  });
  if (!ellipsis && hidden.length > 0) {
    throw new ArgumentError(
      `einsum: the output leaves out the axes of "...": ${describe(equation)}, expected "..." behind "->" too`,
    );
  }
  return [...before, ...hidden, ...after];
}

function measure(inputs: Equation["inputs"], shapes: readonly Shape[]): Map<Label, number> {
  const sizes = new Map<Label, number>();
  const first = new Map<Label, number>();
  inputs.forEach((labels, operand) => {
    labels.forEach((label, axis) => {
      const size = shapes[operand]![axis]!;
      const before = sizes.get(label);
      const within = labels.indexOf(label);
      if (within < axis && shapes[operand]![within] !== size) {
        throw new ShapeError(
          `einsum: the sizes of "${label}" differ: operand ${operand} has ${shapes[operand]![within]} and ${size}`,
        );
      }
      if (before !== undefined && before !== 1 && size !== 1 && before !== size) {
        const name = label.startsWith(ELLIPSIS) ? ELLIPSIS : label;
        throw new ShapeError(
          `einsum: the sizes of "${name}" differ: operand ${first.get(label)} has ${before}, operand ${operand} has ${size}`,
        );
      }
      if (before === undefined || before === 1) {
        sizes.set(label, size);
        first.set(label, operand);
      }
    });
  });
  return sizes;
}
