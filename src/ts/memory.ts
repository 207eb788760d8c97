import { ArgumentError } from "./errors.js";
import { deviceStream, type Device } from "./device.js";
import { Tensor } from "./tensor.js";
import { currentScope, enterScope, leaveScope } from "./scope.js";

/** What {@link memory} gives. */
export interface MemoryInfo {
  /** Storages that are alive; tensors that share memory count once. */
  tensors: number;
  /** Bytes of their elements and of the engine's own records of them. */
  bytes: number;
  /** Bytes that the engine keeps for reuse. */
  cachedBytes: number;
  /** The most bytes that the engine ever held at once. */
  peakBytes: number;
}

/**
 * What the engine holds now on a device, by default the current one ({@link withDevice}). Waits for nothing: commands
 * under way may still change the bytes cached.
 *
 * @throws DeviceError for a device that cannot be used.
 */
export function memory(device?: Device): MemoryInfo {
  const stream = deviceStream("memory", device);
  stream.flush();
  const { cached, peak } = stream.memory();
  return { tensors: stream.liveStorages, bytes: stream.liveBytes, cachedBytes: cached, peakBytes: peak };
}

/**
 * Runs `fn` and releases every tensor made inside, but those it returns (also inside arrays and plain objects),
 * those passed to {@link keep}, parameters of layers and gradients of leaves.
 *
 * @throws ArgumentError when `fn` is asynchronous: tensors made after its first `await` would escape.
 */
export function tidy<T>(fn: () => T): T {
  const scope = enterScope();
  let result: T | undefined;
  try {
    result = fn();
    if (result instanceof Promise) {
      throw new ArgumentError("tidy: the function is asynchronous: it returned a promise, expected tensors");
    }
    return result;
  } finally {
    const kept = collect(result, new Set());
    leaveScope(scope, (member) => kept.has(member));
  }
}

/** Takes a tensor out of the running {@link tidy}: it then lives until it is disposed or collected. */
export function keep<T extends Tensor>(tensor: T): T {
  currentScope()?.release(tensor);
  return tensor;
}

function collect(value: unknown, kept: Set<object>): Set<object> {
  if (value instanceof Tensor) kept.add(value);
  else if (Array.isArray(value)) for (const item of value) collect(item, kept);
  else if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) collect(item, kept);
  }
  return kept;
}
