/** The right values of every output; null where one was not computed. */
export type Reference = readonly (readonly (number | null)[])[];

/**
 * Compares sampled outputs with the reference.
 *
 * @returns the largest difference found, relative to the largest reference value of its output.
 * @throws Error when it passes the tolerance, or when the outputs do not match in number or size.
 */
export function verify(what: string, outputs: number[][], reference: Reference, tolerance: number): number {
  const sizes = (lists: Reference): string => lists.map((list) => list.length).join(", ");
  if (sizes(outputs) !== sizes(reference) || outputs.length === 0) {
    throw new Error(`${what}: outputs of ${sizes(outputs)} samples, expected ${sizes(reference)}`);
  }
  let worst = 0;
  outputs.forEach((output, o) => {
    const expected = reference[o]!;
    const known = expected.filter((value) => value !== null);
    if (known.length === 0) throw new Error(`${what}: no value of output ${o} is known`);
    const scale = Math.max(...known.map(Math.abs));
    output.forEach((value, i) => {
      const right = expected[i]!;
      if (right === null) return;
      const error = Math.abs(value - right) / scale;
      if (!(error <= tolerance)) {
        throw new Error(
          `${what}: wrong result: output ${o} has ${value} where ${right} is right: off by ${error.toExponential(1)} of the largest, ${tolerance} allowed`,
        );
      }
      worst = Math.max(worst, error);
    });
  });
  return worst;
}
