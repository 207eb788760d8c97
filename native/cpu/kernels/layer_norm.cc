// Layer normalization (Ba, Kiros and Hinton, 2016) over the trailing elements, and its gradients.
#include "cpu/kernels/norm_rows.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
void forward(KernelArgs& args, const NormRows& p) {
  const T* gamma = p.gamma ? args.in[1].as<const T>() : nullptr;
  const T* beta = args.n_in > 1 + p.gamma ? args.in[1 + p.gamma].as<const T>() : nullptr;
  normalize_rows<T, true>(args, p, gamma, beta, args.out[1].as<T>(), args.out[2].as<T>());
}

template <typename T>
void backward(KernelArgs& args, const NormRows& p) {
  const NormGradient<T> gradient{args.in[0].as<const T>(),
                                 args.in[1].as<const T>(),
                                 args.in[2].as<const T>(),
                                 args.in[3].as<const T>(),
                                 p.gamma ? args.in[4].as<const T>() : nullptr,
                                 args.out[0].as<T>(),
                                 p.columns,
                                 is_large<T>(p)};
  const bool sums = args.n_out == 3;
  norm_gradient<T, true>(args, p, gradient, sums ? args.out[1].as<T>() : nullptr, sums ? args.out[2].as<T>() : nullptr);
}

}  // namespace

void layerNorm(KernelArgs& args) {
  const NormRows p = layer_norm_rows(args);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void layerNormGrad(KernelArgs& args) {
  const NormRows p = layer_norm_grad_rows(args);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
