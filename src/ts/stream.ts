import { NablaError, IndexError, NativeError, OutOfMemoryError } from "./errors.js";
import { dtypeInfo, isHalf, type DType, type DTypeInfo, type TypedArray } from "./dtype.js";
import { contiguousStrides, sizeOf, type Shape } from "./shape.js";
import type { Device } from "./device.js";
import type { Addon, AddonInfo, NativeFailure, OpenResult } from "./native/contract.js";
import type { Convolution, StreamOptions } from "./options.js";
import type { Tensor } from "./tensor.js";
import { Watch } from "./watch.js";

/**
 * The JavaScript side of a tensor's memory: the id under which the executor knows it. Tensors that share memory
 * (views) share one Storage. The addon watches it weakly: once it was collected, the memory is released.
 */
export class Storage {
  /** Private, so that a tensor that is posted to another thread can be told apart there: no message holds a stream. */
  readonly #stream: Stream;
  readonly id: number;
  readonly bytes: number;
  /** Tensors and tape entries that hold it; at 0 the memory is released at once. */
  references = 1;
  /** Counts writes in place, so that autograd can tell that a saved value has changed. */
  version = 0;
  /** See Watch. */
  group: object | null = null;
  constructor(stream: Stream, id: number, bytes: number) {
    this.#stream = stream;
    this.id = id;
    this.bytes = bytes;
  }

  /** That of the device which the memory belongs to. */
  get stream(): Stream {
    return this.#stream;
  }

  /** One holder less; the memory goes back when it was the last. */
  release(): void {
    if (--this.references === 0) this.#stream.free(this.id);
  }
}

/** What a command needs to know of an operand. A Tensor is one. */
export interface Operand {
  readonly storage: Storage;
  readonly shape: Shape;
  readonly dtype: DType;
  /** In elements; null for a tensor that covers its storage in row-major order. */
  readonly strides: readonly number[] | null;
  readonly offset: number;
}

// Words at the head of native commands that are not rows of ops.def (native/core/command.h).
const RELEASE = -1;

/** Ops that gather before they are handed over while the executor waits: enough to hide the cost of a call. */
const BATCH_IDLE = 8;
/** The same while it is busy: there is no hurry, but the ring should not run dry. */
const BATCH_BUSY = 64;
/** The same where both share the only CPU: handing over means switching threads, so it is done rarely. */
const BATCH_ONE_CPU = 512;
/** What a tensor costs beside its elements (handle, weak reference, table entry), so that many small ones are collected too. */
const OVERHEAD_BYTES = 1024;
/** Bytes that may be alive before the collector is asked for the first time. */
const SWEEP_AT_LEAST = 256 * 2 ** 20;
/** The same for their number: a sweep looks at each, and its pause should stay short. */
const SWEEP_AT_LEAST_STORAGES = 2 ** 17;
/** New storages between two looks at what V8's small collections have found meanwhile, which cost nothing extra. */
const GLANCE_EVERY = 2 ** 15;

// Where a sweep of the addon starts (native/binding/handles.h).
const GO_ON = 0;
const ANEW = 1;
const COLLECT = 2;

/**
 * The command stream of one device in this environment: writes commands, keeps the ids, and asks for a sweep when
 * what is alive passes a limit that grows with what is really alive.
 */
export class Stream<Opened extends OpenResult = OpenResult> {
  readonly device: Device;
  /** What the addon said when it started the stream. */
  readonly opened: Opened;
  readonly convolution: Convolution;
  /** Numbers as tensors, by dtype: see constantOf in ops/scalar.ts. */
  readonly constants = new Map<DType, Map<number, Tensor>>();
  /** Bytes of storages that were not released. */
  liveBytes = 0;
  liveStorages = 0;

  private readonly addon: Pick<Addon, "submit" | "upload" | "read" | "readSync" | "sweep" | "memory">;
  private readonly sync: boolean;
  private readonly batchBusy: number;
  private readonly batchIdle: number;
  private readonly opNumbers = new Map<string, number>();
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private readonly trackIds: Int32Array;
  private readonly status: Int32Array;
  private used = 0;
  private ops = 0;
  private flushQueued = false;
  private readonly watch = new Watch();
  private readonly freeIds: number[] = [];
  private nextId = 0;
  /** Bytes by id, -1 for an id that is free. */
  private readonly bytesOf: number[] = [];
  private sweepAt: number;
  private sweepAtStorages = SWEEP_AT_LEAST_STORAGES;
  private glanceAt = GLANCE_EVERY;
  private readonly sweepFloor: number;
  private readonly memoryLimit: number;
  private readonly flushSoon = (): void => {
    this.flushQueued = false;
    this.flush();
  };

  constructor(device: Device, addon: Stream["addon"], info: AddonInfo, opened: Opened, options: StreamOptions) {
    this.device = device;
    this.opened = opened;
    this.convolution = options.convolution;
    info.ops.forEach((name, number) => this.opNumbers.set(name, number));
    this.batchIdle = info.cpus > 1 ? BATCH_IDLE : BATCH_ONE_CPU;
    this.batchBusy = info.cpus > 1 ? BATCH_BUSY : BATCH_ONE_CPU;
    this.addon = addon;
    this.sync = options.sync;
    this.words = new Int32Array(opened.commands);
    this.doubles = new Float64Array(opened.commands);
    this.trackIds = opened.trackIds;
    this.status = opened.status;
    this.memoryLimit = addon.memory().limit;
    this.sweepFloor = Math.min(SWEEP_AT_LEAST, this.memoryLimit / 2);
    this.sweepAt = this.sweepFloor;
  }

  /** The number of a row of native/core/ops.def or elementwise.def. */
  kernel(name: string): number {
    const number = this.opNumbers.get(name);
    if (number === undefined)
      throw new NativeError(`${name}: the addon has no such kernel: it was built from other sources`);
    return number;
  }

  allocate(dtype: DType, elements: number): Storage {
    const bytes = elements * dtypeInfo[dtype].size;
    if (this.liveBytes + bytes > this.sweepAt) this.sweep();
    else if (this.liveStorages >= this.glanceAt) this.glance();
    const id = this.freeIds.pop() ?? this.nextId++;
    const storage = new Storage(this, id, bytes);
    this.bytesOf[id] = bytes;
    this.liveBytes += bytes + OVERHEAD_BYTES;
    this.liveStorages++;
    this.watch.add(storage);
    if (this.watch.fresh.length >= this.trackIds.length) this.flush();
    return storage;
  }

  /**
   * For ops that prepare data in JavaScript: before minutes are spent on what no tensor can take.
   *
   * @throws OutOfMemoryError when an array of so many elements passes the memory limit.
   */
  checkFits(op: string, dtype: DType, elements: number): void {
    const bytes = elements * dtypeInfo[dtype].size;
    if (bytes <= this.memoryLimit) return;
    throw new OutOfMemoryError(`${op}: out of memory: ${bytes} bytes are needed, the limit is ${this.memoryLimit}`);
  }

  /** Gives back the memory of the storage with this id. */
  free(id: number): void {
    const bytes = this.bytesOf[id]!;
    this.bytesOf[id] = -1;
    this.liveBytes -= bytes + OVERHEAD_BYTES;
    this.liveStorages--;
    this.freeIds.push(id);
    this.watch.remove(id);
    if (this.used + 4 > this.words.length) this.flush();
    const words = this.words;
    const at = this.used;
    words[at] = RELEASE;
    words[at + 1] = 4;
    words[at + 2] = id;
    this.used = at + 4;
    this.queueFlush();
  }

  /** Appends one command. */
  write(kernel: number, inputs: readonly Operand[], outputs: readonly Operand[], attributes: readonly number[]): void {
    const bound = 6 + inputs.length * 19 + outputs.length * 11 + attributes.length * 2;
    if (this.used + bound > this.words.length) {
      this.flush();
      if (bound > this.words.length) throw new NativeError(`too many operands in one command: ${inputs.length}`);
    }
    const words = this.words;
    const start = this.used;
    let at = start + 4;
    for (let i = 0; i < inputs.length; i++) at = this.writeOperand(at, inputs[i]!);
    for (let i = 0; i < outputs.length; i++) {
      const output = outputs[i]!;
      const shape = output.shape;
      words[at] = output.storage.id;
      words[at + 1] = dtypeInfo[output.dtype].code;
      words[at + 2] = shape.length;
      at += 3;
      for (let d = 0; d < shape.length; d++) words[at++] = shape[d]!;
    }
    // Doubles lie at multiples of 8 bytes; every command begins at one.
    at += at & 1;
    const doubles = this.doubles;
    for (let i = 0, d = at >> 1; i < attributes.length; i++) doubles[d + i] = attributes[i]!;
    at += attributes.length * 2;
    words[start] = kernel;
    words[start + 1] = at - start;
    words[start + 2] = inputs.length | (outputs.length << 16);
    words[start + 3] = attributes.length;
    this.used = at;
    this.ops++;
    if (this.sync) this.wait();
    else if (this.ops >= this.batchBusy || (this.ops >= this.batchIdle && this.status[0] === 1)) this.flush();
    else this.queueFlush();
  }

  private writeOperand(at: number, operand: Operand): number {
    const words = this.words;
    const { strides, shape } = operand;
    if (strides === null) {
      words[at] = operand.storage.id;
      return at + 1;
    }
    const rank = shape.length;
    words[at] = ~operand.storage.id;
    words[at + 1] = rank;
    words[at + 2] = operand.offset;
    at += 3;
    for (let d = 0; d < rank; d++) words[at + d] = shape[d]!;
    at += rank;
    for (let d = 0; d < rank; d++) words[at + d] = strides[d]!;
    return at + rank;
  }

  /** Hands over what was written. */
  flush(): void {
    const { fresh } = this.watch;
    if (this.used === 0 && fresh.length === 0) return;
    const watched = this.watch.listFresh(this.trackIds);
    const words = this.used;
    this.used = 0;
    this.ops = 0;
    this.addon.submit(words, fresh, watched);
    fresh.length = 0;
  }

  private queueFlush(): void {
    if (this.flushQueued) return;
    this.flushQueued = true;
    queueMicrotask(this.flushSoon);
  }

  /**
   * Fills a fresh storage from the user's array, which is copied before this returns. The array holds the elements' bytes
   * as native code has them: those of bfloat16 and float16 as 16 bits each. Releases the storage when that fails.
   */
  upload(storage: Storage, dtype: DType, shape: Shape, data: ArrayBufferView): void {
    this.flush();
    const failure = this.addon.upload(storage.id, dtypeInfo[dtype].code, shape, data);
    if (!failure) return;
    storage.release();
    throw toError(failure);
  }

  /** A copy of the operand's values in row-major order, once everything before it has run. */
  async read(operand: Operand): Promise<TypedArray> {
    const { array, source, temporary } = this.valuesOf(operand);
    const bytes = this.readBytes(source);
    if (temporary) source.storage.release();
    return new array(await bytes);
  }

  /** Like {@link read}, blocking. */
  readSync(operand: Operand): TypedArray {
    const { array, source, temporary } = this.valuesOf(operand);
    try {
      return new array(this.readBytesSync(source));
    } finally {
      if (temporary) source.storage.release();
    }
  }

  /** JavaScript reads bfloat16 and float16 as the float32 that they are cast to. */
  private valuesOf(operand: Operand): { array: DTypeInfo["array"]; source: Operand; temporary: boolean } {
    const { array } = dtypeInfo[operand.dtype];
    if (!isHalf(operand.dtype)) return { array, source: operand, temporary: false };
    const { shape } = operand;
    const storage = this.allocate("float32", sizeOf(shape));
    const source: Operand = { storage, shape, dtype: "float32", strides: null, offset: 0 };
    this.write(this.kernel("cast"), [operand], [source], []);
    return { array, source, temporary: true };
  }

  /** A copy of the operand's elements in row-major order, as memory holds them. */
  readBytes(operand: Operand): Promise<ArrayBuffer> {
    const buffer = bufferFor(operand);
    this.flush();
    const words = this.writeRead(operand);
    return new Promise((resolve, reject) => {
      this.addon.read(words, buffer, (failure) => {
        if (failure) reject(toError(failure));
        else resolve(buffer);
      });
    });
  }

  /** Like {@link readBytes}, blocking. */
  readBytesSync(operand: Operand): ArrayBuffer {
    const buffer = bufferFor(operand);
    this.flush();
    const failure = this.addon.readSync(this.writeRead(operand), buffer);
    if (failure) throw toError(failure);
    return buffer;
  }

  private writeRead(operand: Operand): number {
    // Always with shape and strides: the copy is checked against the target's size.
    if (operand.strides !== null) return this.writeOperand(0, operand);
    return this.writeOperand(0, { ...view(operand), strides: contiguousStrides(operand.shape) });
  }

  /** Resolves when everything issued so far has run. Rejects with the first error since the last wait. */
  fence(): Promise<void> {
    this.flush();
    return new Promise((resolve, reject) => {
      this.addon.read(0, new ArrayBuffer(0), (failure) => (failure ? reject(toError(failure)) : resolve()));
    });
  }

  /** Blocks until everything issued so far has run. */
  wait(): void {
    this.flush();
    const failure = this.addon.readSync(0, new ArrayBuffer(0));
    if (failure) throw toError(failure);
  }

  memory(): ReturnType<Addon["memory"]> {
    return this.addon.memory();
  }

  /** Releases storages of which V8 has found already that nothing refers to them. */
  private glance(): void {
    this.releaseLost(ANEW);
    this.glanceAt = this.liveStorages + GLANCE_EVERY;
    if (this.liveStorages >= this.sweepAtStorages) this.sweep();
  }

  private releaseLost(from: typeof ANEW | typeof COLLECT): void {
    this.watch.closeGroup();
    this.flush();
    for (let count = this.addon.sweep(from); count > 0; count = this.addon.sweep(GO_ON)) {
      const gone = this.trackIds.slice(0, count);
      for (const handle of gone) this.watch.lose(handle, (id) => this.free(id));
    }
    this.flush();
  }

  /** Finds storages that nothing refers to any more and releases them. */
  sweep(): void {
    this.releaseLost(COLLECT);
    this.glanceAt = this.liveStorages + GLANCE_EVERY;
    // Twice what is really alive, or half of what is left where that is less.
    const live = this.liveBytes;
    this.sweepAtStorages = Math.max(SWEEP_AT_LEAST_STORAGES, 2 * this.liveStorages);
    this.sweepAt = Math.max(this.sweepFloor, Math.min(2 * live, (live + this.memoryLimit) / 2));
  }
}

function bufferFor({ dtype, shape }: Operand): ArrayBuffer {
  const bytes = sizeOf(shape) * dtypeInfo[dtype].size;
  try {
    return new ArrayBuffer(bytes);
  } catch {
    throw new OutOfMemoryError(`read: out of memory: JavaScript cannot hold ${bytes} bytes in one array`);
  }
}

function view(operand: Operand): Operand {
  const { storage, shape, dtype, strides, offset } = operand;
  return { storage, shape, dtype, strides, offset };
}

function toError(failure: NativeFailure): NablaError {
  const message = `${failure.op}: ${failure.message}`;
  if (failure.kind === 1) return new OutOfMemoryError(message);
  if (failure.kind === 2) return new IndexError(message);
  return new NativeError(message);
}
