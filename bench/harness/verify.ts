/**
 * Compares sampled outputs with the reference.
 *
 * @returns the largest difference found, relative to the largest reference value of its output.
 * @throws Error when it passes the tolerance, or when the outputs do not match in number or size.
 */
export function verify(what: string, outputs: number[][], reference: number[][], tolerance: number): number {
  const sizes = (lists: number[][]): string => lists.map((list) => list.length).join(", ");
  if (sizes(outputs) !== sizes(reference) || outputs.length === 0) {
    throw new Error(`${what}: outputs of ${sizes(outputs)} samples, expected ${sizes(reference)}`);
  }
  let worst = 0;
  outputs.forEach((output, o) => {
    const expected = reference[o]!;
    const scale = Math.max(...expected.map(Math.abs));
    output.forEach((value, i) => {
      const error = Math.abs(value - expected[i]!) / scale;
      if (!(error <= tolerance)) {
        throw new Error(
          `${what}: wrong result: output ${o} has ${value} where ${expected[i]!} is right (tolerance ${tolerance})`,
        );
      }
      worst = Math.max(worst, error);
    });
  });
  return worst;
}
