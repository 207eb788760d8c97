/**
 * What a native addon exports: that of the CPU and that of CUDA are built from the same lists of ops. A new op adds nothing here: ops are rows of native/core/ops.def, and reach the
 * addon as commands in the buffer that `open` hands out (src/ts/stream.ts writes it, native/core/command.h
 * describes it).
 */
export interface Addon<Info = AddonInfo, Options = never, Opened = OpenResult> {
  /** Facts that need no stream. */
  info(): Info;
  /** Starts this environment's stream. Called once per environment. */
  open(options: Options): Opened;
  /**
   * Hands the first `words` words of the command buffer to the executor, and starts to watch the handles: handle i
   * stands for tensor id `trackIds[i]`, and `sweep` reports the id once the handle was collected. Blocks while
   * the stream is too far behind.
   */
  submit(words: number, handles: readonly object[], handleCount: number): void;
  /** Copies `data` at once; the tensor `id` holds it from this place of the stream on. Flush before. */
  upload(id: number, dtype: number, shape: readonly number[], data: ArrayBufferView): NativeFailure | undefined;
  /**
   * Copies the operand at the start of the command buffer (`words` long) into `target` in row-major order and calls
   * back when everything before it has run. With 0 words it only waits.
   */
  read(words: number, target: ArrayBuffer, done: (failure?: NativeFailure) => void): void;
  /** The same, blocking. */
  readSync(words: number, target: ArrayBuffer): NativeFailure | undefined;
  /**
   * Writes ids whose handles are gone into `trackIds`, as many as fit, and returns their number. From 0: goes on with the
   * last sweep; 1: starts anew; 2: collects garbage first.
   */
  sweep(from: 0 | 1 | 2): number;
  /** Bytes: handed out to tensors, cached for reuse, the most ever taken from the system. */
  memory(): { allocated: number; cached: number; peak: number; limit: number };
  /** Stops the stream and joins its threads. Also done when the environment ends. */
  close(): void;
}

export type CpuAddon = Addon<CpuInfo, CpuOptions, CpuOpened>;
export type CudaAddon = Addon<CudaInfo, CudaOptions, CudaOpened>;

export interface AddonInfo {
  /** Kernel names; a kernel's place is its number in commands. */
  readonly ops: readonly string[];
  /** CPUs that this process may run on. */
  readonly cpus: number;
}

export interface CpuInfo extends AddonInfo {
  /** The best instruction set of this CPU: "scalar", "avx2", "avx512" or "neon". */
  readonly isa: string;
  /** All that this CPU has and the addon was compiled for, the best last. */
  readonly isas: readonly string[];
}

export interface CudaInfo extends AddonInfo {
  readonly devices: readonly CudaDevice[];
  /** Why none of the devices can be used, in a sentence; empty when one can. */
  readonly reason: string;
  /** The CUDA version that the driver has, and that of the addon: 13000 is 13.0; 0 for none. */
  readonly driver: number;
  readonly runtime: number;
}

export interface CudaDevice {
  readonly name: string;
  /** Ten times the compute capability: 90 is 9.0. */
  readonly capability: number;
  /** In bytes. */
  readonly memory: number;
  readonly multiprocessors: number;
  /** Of the multiprocessors, in Hz. */
  readonly clock: number;
  /** Of the memory, in bytes a second. */
  readonly bandwidth: number;
}

export interface OpenOptions {
  /** Bytes that tensors and scratch memory may take together; 0 leaves the choice to the addon. */
  readonly memoryLimit: number;
}

export interface CpuOptions extends OpenOptions {
  readonly isa: string;
  readonly threads: number;
  readonly pin: boolean;
}

export interface CudaOptions extends OpenOptions {
  /** The place in the list of devices. */
  readonly device: number;
  /** Whether products of float32 matrices may round their factors to TF32. */
  readonly allowTf32: boolean;
}

export interface OpenResult {
  /** The command buffer. */
  readonly commands: ArrayBuffer;
  /** Ids beside the handles of `submit`, and the results of `sweep`. */
  readonly trackIds: Int32Array;
  /** Word 0 is 1 while the executor waits for commands. */
  readonly status: Int32Array;
}

export interface CpuOpened extends OpenResult {
  readonly isa: string;
  readonly threads: number;
  readonly pinned: boolean;
}

export interface CudaOpened extends OpenResult {
  readonly name: string;
  /** As in {@link CudaDevice}. */
  readonly capability: number;
}

/** An error of the stream: `kind` as in native/core/checks.h. */
export interface NativeFailure {
  readonly kind: 0 | 1 | 2;
  readonly op: string;
  readonly message: string;
}
