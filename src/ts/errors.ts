/**
 * The errors that nabla throws. Every message reads `op: what is wrong: what was given, what was expected`;
 * `code` is stable and meant for programs.
 */
export class NablaError extends Error {
  /** A stable name for programs, such as `"SHAPE"`. */
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** Shapes that do not fit together or do not fit the op. */
export class ShapeError extends NablaError {
  constructor(message: string) {
    super("SHAPE", message);
  }
}

/** A dtype that the op does not take. */
export class DTypeError extends NablaError {
  constructor(message: string) {
    super("DTYPE", message);
  }
}

/** A device that is not there, or tensors of different devices or threads in one op. */
export class DeviceError extends NablaError {
  constructor(message: string) {
    super("DEVICE", message);
  }
}

/** An argument or option of the wrong type or value. */
export class ArgumentError extends NablaError {
  constructor(message: string) {
    super("ARGUMENT", message);
  }
}

/** An index or label outside its range; known at run time only, so it comes with the next wait. */
export class IndexError extends NablaError {
  constructor(message: string) {
    super("INDEX", message);
  }
}

/** The memory limit of the device is reached. */
export class OutOfMemoryError extends NablaError {
  constructor(message: string) {
    super("OUT_OF_MEMORY", message);
  }
}

/** A NaN or an infinity that `detectAnomaly` found, or a gradient that `checkGradients` found wrong. */
export class AnomalyError extends NablaError {
  constructor(message: string, options?: ErrorOptions) {
    super("ANOMALY", message, options);
  }
}

/** A file that is not what it should be. */
export class FormatError extends NablaError {
  constructor(message: string) {
    super("FORMAT", message);
  }
}

/** A download that failed, or brought what it should not. */
export class NetworkError extends NablaError {
  constructor(message: string, options?: ErrorOptions) {
    super("NETWORK", message, options);
  }
}

/** The native addon is missing, or found something that TypeScript should have refused. */
export class NativeError extends NablaError {
  constructor(message: string) {
    super("NATIVE", message);
  }
}

const MOST_SHOWN = 8;

/** How a value that the user gave reads in a message. Long and deep arrays are cut short. */
export function describe(value: unknown, depth = 0): string {
  if (typeof value === "string") return `"${value}"`;
  if (Array.isArray(value)) {
    if (depth === 3) return "[…]";
    const shown = value.slice(0, MOST_SHOWN).map((item) => describe(item, depth + 1));
    return `[${shown.join(",")}${value.length > MOST_SHOWN ? ",…" : ""}]`;
  }
  if (typeof value === "object" && value !== null) return value.constructor?.name ?? "object";
  if (typeof value === "bigint") return `${value}n`;
  return String(value);
}
