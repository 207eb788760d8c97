import { ArgumentError } from "../errors.js";

let initializing = true;
/** How many elements further weights may have. */
let left = Infinity;

/** Whether new weights get their first values; otherwise they are zeros. */
export function isInitializing(): boolean {
  return initializing;
}

/** Counts the elements of a weight, before it is made. @throws ArgumentError for more than there may be. */
export function countElements(op: string, weight: string, elements: number): void {
  if (elements > left) {
    throw new ArgumentError(`${op}: more weights than expected: ${weight} has ${elements} elements, ${left} are left`);
  }
  left -= elements;
}

/**
 * @internal Runs `fn`, whose layers make weights of zeros: values follow, and no random numbers are spent.
 *
 * @param most how many elements all of them may have: what a file says must not take more memory than what it holds.
 */
export function withoutInitialization<T>(fn: () => T, most = Infinity): T {
  const before = [initializing, left] as const;
  [initializing, left] = [false, most];
  try {
    return fn();
  } finally {
    [initializing, left] = before;
  }
}
