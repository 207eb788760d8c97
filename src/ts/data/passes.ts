import { setImmediate } from "node:timers/promises";
import type { Stream } from "../stream.js";
import type { Philox } from "./permutation.js";
import { mapElement, type Held, type Source } from "./source.js";

// What the methods of a dataset do with the items of one pass. Each closes what it reads from, and drops what it still holds.

type Pass<I> = AsyncGenerator<I, void, void>;

/** Milliseconds after which timers and sockets get their turn while many items are passed. */
const TURN_AFTER = 8;

/** Leaves the event loop free in loops whose promises are all settled. */
class Turns {
  private turnedAt = performance.now();

  async take(): Promise<void> {
    if (performance.now() - this.turnedAt < TURN_AFTER) return;
    await setImmediate();
    this.turnedAt = performance.now();
  }
}

export async function* taken<I>(items: Pass<I>, count: number): Pass<I> {
  let left = count;
  for await (const item of items) {
    yield item;
    if (--left === 0) return;
  }
}

export async function* skipped<I>(items: Pass<I>, count: number, drop: (item: I) => void): Pass<I> {
  const turns = new Turns();
  let left = count;
  for await (const item of items) {
    if (left === 0) yield item;
    else {
      left--;
      drop(item);
      await turns.take();
    }
  }
}

/** Ends too when a pass has nothing. */
export async function* repeated<I>(open: () => Pass<I>, count: number): Pass<I> {
  for (let pass = 0; pass < count; pass++) {
    let isEmpty = true;
    for await (const item of open()) {
      isEmpty = false;
      yield item;
    }
    if (isEmpty) return;
  }
}

/** Draws each item from a buffer of those that come next. */
export async function* shuffled<I>(
  items: Pass<I>,
  bufferSize: number,
  random: Philox,
  drop: (item: I) => void,
): Pass<I> {
  const buffer: I[] = [];
  const turns = new Turns();
  const draw = (): I => {
    const place = Math.floor((random.next() / 2 ** 32) * buffer.length);
    const drawn = buffer[place]!;
    buffer[place] = buffer.at(-1)!;
    buffer.pop();
    return drawn;
  };
  try {
    for await (const item of items) {
      buffer.push(item);
      if (buffer.length === bufferSize) yield draw();
      else await turns.take();
    }
    while (buffer.length > 0) yield draw();
  } finally {
    for (const item of buffer) drop(item);
  }
}

/** Asks for items before they are wanted. */
export async function* prefetched<I>(items: Pass<I>, count: number, drop: (item: I) => void): Pass<I> {
  const asked: Promise<IteratorResult<I, void>>[] = [];
  const ask = (): void => {
    const next = items.next();
    next.catch(() => {}); // It is awaited later: until then a rejection is not unhandled.
    asked.push(next);
  };
  try {
    while (asked.length < count) ask();
    for (;;) {
      const next = await asked.shift()!;
      if (next.done) return;
      ask();
      yield next.value;
    }
  } finally {
    for (const left of await Promise.allSettled(asked)) {
      if (left.status === "fulfilled" && !left.value.done) drop(left.value.value);
    }
    await items.return();
  }
}

export async function* batched<I>(
  source: Source<I>,
  stream: Stream,
  batchSize: number,
  dropRemainder: boolean,
): Pass<Held> {
  const turns = new Turns();
  let items: I[] = [];
  const close = (): Held => {
    const batch = items;
    items = [];
    return source.many(batch, stream);
  };
  try {
    for await (const item of source.open(stream)) {
      items.push(item);
      if (items.length === batchSize) yield close();
      else await turns.take();
    }
    if (items.length > 0 && !dropRemainder) yield close();
  } finally {
    for (const item of items) source.drop(item);
  }
}

export async function* mapped<I>(source: Source<I>, stream: Stream, fn: (element: never) => unknown): Pass<Held> {
  for await (const item of source.open(stream)) yield await mapElement(source.one(item, stream), fn, stream);
}
