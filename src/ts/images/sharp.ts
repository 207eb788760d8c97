import { ArgumentError } from "../errors.js";

/**
 * The package `sharp`, which reads and writes image files in threads of its own. It is loaded when it is first needed, so
 * that only programs with image files have to install it.
 *
 * @throws ArgumentError when it is not installed, or does not load.
 */
export async function loadSharp(
  op: string,
  load = () => import("sharp"),
): Promise<(typeof import("sharp"))["default"]> {
  try {
    return (await load()).default;
  } catch (error) {
    throw new ArgumentError(
      `${op}: the package sharp does not load: ${firstLine(error)}, expected it installed: run \`npm install sharp\``,
    );
  }
}

/** What an error of sharp says first; the rest repeats it or is advice on sharp's options. */
export function firstLine(error: unknown): string {
  return (error as Error).message.split("\n", 1)[0]!.replace(/[.:]?\s*$/, "");
}
