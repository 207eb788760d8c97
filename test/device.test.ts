import { describe, expect, test } from "vitest";
import { DeviceError, devices, tensor, withDevice, zeros } from "nabla";

describe("withDevice", () => {
  test("gives what the function gives, made on the device", () => {
    expect(devices()).toContain("cpu");
    expect(withDevice("cpu", () => zeros([2])).device).toBe("cpu");
    expect(withDevice("cpu", () => withDevice("cpu", () => 3))).toBe(3);
  });
  test("ends with an error too", () => {
    expect(() => withDevice("cpu", () => expect.fail("stop"))).toThrow("stop");
    expect(tensor([1]).device).toBe("cpu");
  });
  test("errors", () => {
    const make = (): unknown => zeros([1]);
    expect(() => withDevice("tpu" as never, make)).toThrow(DeviceError);
    expect(() => withDevice("tpu" as never, make)).toThrow('withDevice: there is no device "tpu": this build has cpu');
    expect(() => withDevice(undefined as never, make)).toThrow('withDevice: not a device: undefined, expected "cpu"');
    expect(() => withDevice("cpu", 3 as never)).toThrow("withDevice: not a function: 3, expected a function");
    expect(() => zeros([1], { device: "cuda" as never })).toThrow('zeros: there is no device "cuda"');
  });
});
