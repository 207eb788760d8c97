import { namedStream, type Device } from "../device.js";
import type { DType } from "../dtype.js";
import { checkTensor } from "../op.js";
import { sizeOf } from "../shape.js";
import type { Storage, Stream } from "../stream.js";
import { isRecording, record, type Backward } from "../tape.js";
import { addMethod, Tensor } from "../tensor.js";
import { reshape } from "./reshape.js";

/** The gradient goes back to where the tensor came from. */
const toGrad: Backward<Stream> = ({ grads, attrs: source }) => [moved(grads[0]!, source)];

/**
 * The elements on another device: a copy there, of any dtype. The same device gives a view. The gradient goes back to
 * the device of `x`.
 *
 * The copy passes through the memory of the host. The call waits until `x` is computed, and blocks the event loop
 * meanwhile; ops on the copy that follow are issued as usual.
 *
 * @throws DeviceError for a device that cannot be used, with the reason.
 */
export function to<D extends DType, R extends number>(x: Tensor<D, R>, device: Device): Tensor<D, R> {
  checkTensor("to", x);
  const stream = namedStream("to", device);
  return (stream === x.storage.stream ? reshape(x, x.shape) : moved(x, stream)) as Tensor<D, R>;
}

function moved(x: Tensor, stream: Stream): Tensor {
  const result = new Tensor(copyTo(x, stream), x.shape, x.dtype);
  if (isRecording() && x.requiresGrad) record("to", x.storage.stream, [x], [result], toGrad, undefined);
  return result;
}

/** The elements in row-major order, in memory of another device. */
function copyTo(x: Tensor, stream: Stream): Storage {
  const bytes = x.storage.stream.readBytesSync(x);
  const storage = stream.allocate(x.dtype, sizeOf(x.shape));
  stream.upload(storage, x.dtype, x.shape, new Uint8Array(bytes));
  return storage;
}

/**
 * @internal Moves a tensor itself, and its gradient. Views that share its memory stay where they are; `backward` through an
 * op that saved its elements is an error.
 */
export function relocate(x: Tensor, stream: Stream): void {
  x.check("to");
  if (x.grad) relocate(x.grad, stream);
  const { storage } = x;
  if (storage.stream === stream) return;
  x.storage = copyTo(x, stream);
  x.strides = null;
  x.offset = 0;
  storage.release();
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link to}. */
    to(device: Device): Tensor<D, R>;
  }
}
addMethod("to", to);
