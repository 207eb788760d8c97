import { ArgumentError, DeviceError } from "./errors.js";

export type Device = "cpu";

/** The devices that tensors can live on in this process. */
export function devices(): Device[] {
  return ["cpu"];
}

/** @internal @throws DeviceError for a device that is not here, ArgumentError for what names none. */
export function checkDevice(op: string, device: unknown): Device {
  if (device === undefined || device === "cpu") return "cpu";
  if (typeof device !== "string") throw new ArgumentError(`${op}: not a device: ${String(device)}, expected "cpu"`);
  throw new DeviceError(`${op}: there is no device "${device}": this build has ${devices().join(", ")}`);
}
