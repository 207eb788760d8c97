/**
 * What the harness and a competitor's process say to each other: one JSON object a line, requests on the
 * competitor's stdin, replies on its stdout. The first line is the competitor's greeting.
 */

export type Params = Record<string, number | boolean | string>;

export interface Greeting {
  /** The engine's version, and what else decides its speed. */
  version: string;
  /** Why the engine cannot take part, such as for want of a device. */
  absent?: string;
}

export type Request =
  /** Make the inputs of a case and run it once. Replaces the case before. */
  | { do: "prepare"; stem: string; params: Params }
  /** Run the case `iterations` times, waiting for the last result; with `settle` after one time that is not counted. */
  | { do: "run"; iterations: number; settle: boolean }
  /** Say the most resident memory that the process ever had. */
  | { do: "memory" };

export type Reply =
  /** The sampled values of every output, and which of its ways the competitor chose as its fastest. */
  | { output: number[][]; variant?: string }
  /** The competitor cannot do this case. */
  | { unsupported: string }
  | { seconds: number }
  | { bytes: number }
  | { error: string };
