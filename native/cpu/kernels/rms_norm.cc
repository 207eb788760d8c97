// Root mean square normalization (Zhang and Sennrich, 2019) over the trailing elements, and its gradients.
#include "cpu/kernels/norm_rows.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
void forward(KernelArgs& args, const NormRows& p) {
  const T* gamma = p.gamma ? args.in[1].as<const T>() : nullptr;
  normalize_rows<T, false>(args, p, gamma, nullptr, nullptr, args.out[1].as<T>());
}

template <typename T>
void backward(KernelArgs& args, const NormRows& p) {
  const NormGradient<T> gradient{args.in[0].as<const T>(),
                                 args.in[1].as<const T>(),
                                 nullptr,
                                 args.in[2].as<const T>(),
                                 p.gamma ? args.in[3].as<const T>() : nullptr,
                                 args.out[0].as<T>(),
                                 p.columns,
                                 is_large<T>(p)};
  norm_gradient<T, false>(args, p, gradient, args.n_out == 2 ? args.out[1].as<T>() : nullptr, nullptr);
}

}  // namespace

void rmsNorm(KernelArgs& args) {
  const NormRows p = rms_norm_rows(args);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void rmsNormGrad(KernelArgs& args) {
  const NormRows p = rms_norm_grad_rows(args);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
