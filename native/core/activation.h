// Activations that matmul and conv2d apply to their result. The numbers are attributes of commands;
// src/ts/ops/activation-grad.ts and src/ts/ops/matmul.ts have the same lists.
#pragma once

namespace nabla {

enum class Activation : int { none = 0, relu = 1, sigmoid = 2, tanh = 3, gelu = 4 };
// Those that activationGrad differentiates from the result alone: all that conv2d takes.
constexpr int kActivationCount = 4;
constexpr int kMatmulActivationCount = 5;

}  // namespace nabla
