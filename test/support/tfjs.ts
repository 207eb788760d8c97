import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import * as keras from "@tensorflow/tfjs-layers";

// tfjs as an oracle: only the packages that its layers need. What they call as methods of tensors is in a package that is not
// among these.
tf.env().set("IS_TEST", true); // No advertisement in the output.

interface Chained {
  flatten?: (this: tf.Tensor) => tf.Tensor;
  [name: string]: unknown;
}
const methods = tf.Tensor.prototype as unknown as Chained;
for (const [name, op] of Object.entries(tf)) {
  if (typeof op !== "function" || name in methods) continue;
  methods[name] = function (this: tf.Tensor, ...rest: unknown[]): unknown {
    return (op as (...all: unknown[]) => unknown)(this, ...rest);
  };
}
methods.flatten = function () {
  return tf.reshape(this, [this.size]);
};

export { keras, tf };
