import { ArgumentError, DeviceError, describe } from "./errors.js";

/** Where tensors live and ops run: "cpu". */
export type Device = "cpu";

/** The device of new tensors that are not told another one. */
let current: Device = "cpu";

/** The devices that tensors can live on in this process. */
export function devices(): Device[] {
  return ["cpu"];
}

/**
 * Runs `fn`, in which new tensors are made on the given device unless their options name another.
 *
 * @returns what `fn` gives.
 * @throws DeviceError for a device that is not here. @throws ArgumentError when `device` is no text or `fn` no function.
 */
export function withDevice<T>(device: Device, fn: () => T): T {
  if (typeof fn !== "function") {
    throw new ArgumentError(`withDevice: not a function: ${describe(fn)}, expected a function`);
  }
  const before = current;
  current = namedDevice("withDevice", device);
  try {
    return fn();
  } finally {
    current = before;
  }
}

/** @internal @throws DeviceError for a device that is not here, ArgumentError for what names none. */
export function checkDevice(op: string, device: unknown): Device {
  return device === undefined ? current : namedDevice(op, device);
}

function namedDevice(op: string, device: unknown): Device {
  if (device === "cpu") return device;
  if (typeof device !== "string") throw new ArgumentError(`${op}: not a device: ${describe(device)}, expected "cpu"`);
  throw new DeviceError(`${op}: there is no device "${device}": this build has ${devices().join(", ")}`);
}
