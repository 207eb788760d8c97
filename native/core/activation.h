// Activations that matmul and conv2d apply to their result, and activationGrad differentiates from the
// result alone. The numbers are attributes of commands; src/ts/activations.ts has the same list.
#pragma once

namespace nabla {

enum class Activation : int { none = 0, relu = 1, sigmoid = 2, tanh = 3 };
constexpr int kActivationCount = 4;

}  // namespace nabla
