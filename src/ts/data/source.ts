import { onStream } from "../device.js";
import { ArgumentError } from "../errors.js";
import { tidy } from "../memory.js";
import { stack } from "../ops/concat.js";
import { tensor, type TensorData } from "../ops/creation.js";
import { gather } from "../ops/gather.js";
import { index } from "../ops/slice.js";
import { enterScope, leaveScope } from "../scope.js";
import type { Stream } from "../stream.js";
import { withRecording } from "../tape.js";
import { Tensor } from "../tensor.js";
import { isArrayOfNumbers, leavesOf, mapLeaves, type Leaf } from "./element.js";

/** An element, and the tensors in it that nobody else has: who takes the element disposes of them. */
export interface Held {
  readonly value: unknown;
  readonly owned: readonly Tensor[];
}

export function dispose({ owned }: Held): void {
  for (const each of owned) each.dispose();
}

/** Where elements come from. Items stand for them while only their order matters: of tensors they are places. */
export interface Source<I = unknown> {
  /** The items of one pass; arrays become tensors on the stream's device. */
  open(stream: Stream): AsyncGenerator<I, void, void>;
  /** The element that an item stands for; the item is used up. */
  one(item: I, stream: Stream): Held;
  /** Several elements as one, with their leaves stacked; the items are used up. @throws ShapeError, ArgumentError */
  many(items: readonly I[], stream: Stream): Held;
  /** Gives up an item that nobody wants. */
  drop(item: I): void;
}

/** The samples of an element of tensors whose first axes count them. */
export function rowSource(element: unknown, count: number): Source<number> {
  const take = (fn: (whole: Tensor) => Tensor): Held => hold(() => mapLeaves(element, (leaf) => fn(leaf as Tensor)));
  return {
    async *open() {
      for (let row = 0; row < count; row++) yield row;
    },
    one: (row) => take((whole) => index(whole, row)),
    many: (rows) => take((whole) => gather(whole, tensor(Int32Array.from(rows), { device: whole.device }))),
    drop: () => {},
  };
}

/** Elements that are made one by one. */
export function heldSource(open: (stream: Stream) => AsyncGenerator<Held, void, void>): Source<Held> {
  return { open, one: (held) => held, many: stackElements, drop: dispose };
}

function stackElements(items: readonly Held[], stream: Stream): Held {
  try {
    const leaves = items.map(({ value }) => leavesOf(value));
    const other = leaves.findIndex(({ length }) => length !== leaves[0]!.length);
    if (other > 0) {
      throw new ArgumentError(
        `Dataset.batch: the elements differ: one has ${leaves[0]!.length} tensors or arrays, another ${leaves[other]!.length}`,
      );
    }
    let place = 0;
    return hold(() =>
      mapLeaves(items[0]!.value, () => {
        const column = leaves.map((each) => each[place]!);
        place++;
        return stackLeaves(column, stream);
      }),
    );
  } finally {
    for (const item of items) dispose(item);
  }
}

function stackLeaves(leaves: readonly Leaf[], { device }: Stream): Tensor {
  if (!leaves.some((leaf) => isArrayOfNumbers(leaf))) return tensor(leaves as TensorData, { device });
  return stack(leaves.map((leaf) => (leaf instanceof Tensor ? leaf : tensor(leaf, { device }))));
}

/** An element that was made now, in which every tensor is new. */
function hold(make: () => unknown): Held {
  const value = withRecording(false, () => tidy(make));
  return { value, owned: leavesOf(value) as Tensor[] };
}

/**
 * What a function makes of an element. Tensors that it made on the way are released, as in `tidy`; of an asynchronous one they
 * are left to be found.
 */
export async function mapElement(
  { value, owned }: Held,
  fn: (element: never) => unknown,
  stream: Stream,
): Promise<Held> {
  let made: object[] = [];
  let result: unknown;
  try {
    const scope = enterScope();
    const results = new Set<unknown>();
    let isAsync = false;
    try {
      result = onStream(stream, () => withRecording(false, () => fn(value as never)));
      isAsync = result instanceof Promise;
      if (!isAsync) for (const leaf of leavesOf(result)) results.add(leaf);
      made = scope.members.filter((member) => results.has(member) && !member.kept);
    } finally {
      leaveScope(scope, (member) => isAsync || results.has(member));
    }
    result = await result;
  } catch (error) {
    dispose({ value, owned });
    throw error;
  }
  const kept = new Set<unknown>(leavesOf(result));
  for (const each of owned) if (!kept.has(each)) each.dispose();
  return { value: result, owned: [...owned.filter((each) => kept.has(each)), ...(made as Tensor[])] };
}
