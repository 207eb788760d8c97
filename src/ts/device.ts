import { cpus } from "node:os";
import { ArgumentError, DeviceError, NablaError, NativeError, describe } from "./errors.js";
import type { CpuOpened, CudaAddon, CudaOpened } from "./native/contract.js";
import { loadAddon, loadCudaAddon, type Loaded } from "./native/load.js";
import { cpuOptions, cudaOptions, streamOptions } from "./options.js";
import { Stream } from "./stream.js";

/** Where tensors live and ops run: "cpu", or "cuda" for the GPU. */
export type Device = "cpu" | "cuda";

const DEVICES: readonly Device[] = ["cpu", "cuda"];

/** What {@link devices} says of a device. */
export type DeviceInfo =
  | { readonly device: Device; readonly available: true; readonly name: string }
  | { readonly device: Device; readonly available: false; readonly reason: string };

/**
 * The devices that nabla knows, in a list: whether this process can use each, and the name of the hardware, or else in a
 * sentence the reason why not.
 */
export function devices(): DeviceInfo[] {
  return [
    describeDevice("cpu", () => {
      loadAddon();
      return cpus()[0]?.model.trim() ?? "unknown";
    }),
    describeDevice("cuda", () => usableCuda().info().devices[0]!.name),
  ];
}

function describeDevice(device: Device, find: () => string): DeviceInfo {
  try {
    return { device, available: true, name: find() };
  } catch (error) {
    if (error instanceof NablaError) return { device, available: false, reason: error.message };
    throw error;
  }
}

/**
 * Runs `fn`, in which new tensors are made on the given device unless their options name another. An asynchronous `fn` is
 * back on the device from before after its first `await`; what nabla itself does asynchronously, such as `loadModel`,
 * stays on the device of the call.
 *
 * Without it, new tensors are made on the device that the environment variable `NABLA_DEVICE` names when the first of them
 * is made, or else on the CPU.
 *
 * @returns what `fn` gives.
 * @throws DeviceError for a device that cannot be used, with the reason.
 * @throws ArgumentError when `device` is no text or `fn` no function.
 */
export function withDevice<T>(device: Device, fn: () => T): T {
  if (typeof fn !== "function") {
    throw new ArgumentError(`withDevice: not a function: ${describe(fn)}, expected a function`);
  }
  return onStream(namedStream("withDevice", device), fn);
}

/** @internal Runs `fn` with new tensors on this stream, and restores what was. */
export function onStream<T>(stream: Stream, fn: () => T): T {
  const before = current;
  current = stream;
  try {
    return fn();
  } finally {
    current = before;
  }
}

/** The stream of new tensors that are not told another device. */
let current: Stream | undefined;

/** @internal The stream of new tensors that are not told another device. */
export function currentStream(): Stream {
  return (current ??= streamOf(defaultDevice()));
}

/** @internal The device of new tensors that are not told another one. */
export function currentDevice(): Device {
  return currentStream().device;
}

function defaultDevice(): Device {
  const name = process.env["NABLA_DEVICE"] || "cpu";
  const device = DEVICES.find((known) => known === name);
  if (device) return device;
  throw new ArgumentError(`NABLA_DEVICE: unknown device: "${name}", expected one of ${DEVICES.join(", ")}`);
}

/** @internal The stream of the device that options name, or of the current one. Errors as in {@link namedStream}. */
export function deviceStream(op: string, device: unknown): Stream {
  return device === undefined ? currentStream() : namedStream(op, device);
}

/**
 * @internal The stream of a device that the user names.
 *
 * @throws DeviceError for a device that is not here, ArgumentError for what names none.
 */
export function namedStream(op: string, device: unknown): Stream {
  if (typeof device !== "string") {
    throw new ArgumentError(`${op}: not a device: ${describe(device)}, expected "cpu" or "cuda"`);
  }
  if (!DEVICES.includes(device as Device)) {
    throw new DeviceError(`${op}: there is no device "${device}": expected "cpu" or "cuda"`);
  }
  return streamOf(device as Device, op);
}

interface Streams {
  cpu?: Stream<CpuOpened>;
  cuda?: Stream<CudaOpened>;
}

/** This environment's: each worker thread has its own. */
const streams: Streams = {};

/**
 * @internal This environment's stream of a device, started on first use.
 *
 * @param op what needs it, for the message.
 * @throws DeviceError when the device cannot be used. @throws NativeError
 */
export function streamOf<D extends Device>(device: D, op?: string): NonNullable<Streams[D]>;
export function streamOf(device: Device, op = "NABLA_DEVICE"): Stream {
  if (device === "cpu") return (streams.cpu ??= openCpu());
  return (streams.cuda ??= openCuda(op));
}

function openCpu(): Stream<CpuOpened> {
  const addon = loadAddon();
  const info = addon.info();
  checkOps(info.ops);
  const options = streamOptions(process.env);
  const opened = addon.open({ ...cpuOptions(process.env, info), memoryLimit: options.memoryLimit });
  return new Stream("cpu", addon, info, opened, options);
}

function openCuda(op: string): Stream<CudaOpened> {
  let addon: CudaAddon;
  try {
    addon = usableCuda();
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw new DeviceError(
      `${op}: the device "cuda" cannot be used: ${error.message}; mend that (npx nabla info says what was found) or use "cpu"`,
    );
  }
  const info = addon.info();
  checkOps(info.ops);
  const options = streamOptions(process.env);
  const opened = addon.open({ ...cudaOptions(process.env), memoryLimit: options.memoryLimit });
  return new Stream("cuda", addon, info, opened, options);
}

/** @throws DeviceError whose message is the reason alone. */
function usableCuda(): Loaded<CudaAddon> {
  const addon = loadCudaAddon();
  if (typeof addon === "string") throw new DeviceError(addon);
  const { reason } = addon.info();
  if (reason !== "") throw new DeviceError(reason);
  return addon;
}

/** The kernels of the addon that was opened first. */
let knownOps: readonly string[] | undefined;

/** A kernel has one number on all devices, so that an op looks it up once. @throws NativeError when the addons differ. */
function checkOps(ops: readonly string[]): void {
  knownOps ??= ops;
  for (let i = 0; i < Math.max(ops.length, knownOps.length); i++) {
    if (ops[i] === knownOps[i]) continue;
    throw new NativeError(
      `native addons: the binaries of the CPU and of CUDA were built from different sources: kernel ${i} is ` +
        `${knownOps[i] ?? "missing"} in one and ${ops[i] ?? "missing"} in the other, expected the same version of both`,
    );
  }
}
