// Root mean square normalization (Zhang and Sennrich, 2019) over the trailing elements, and its gradients.
#include "cuda/kernels/norm_rows.h"

namespace nabla::cuda {
namespace {

template <typename T>
void forward(KernelArgs& args, const NormRows& p) {
  const T* gamma = p.gamma ? args.in[1].as<const T>() : nullptr;
  normalize_rows<T, false>(args, p,
                           {args.in[0].as<const T>(), gamma, nullptr, args.out[0].as<T>(), nullptr, args.out[1].as<T>(),
                            static_cast<T>(p.epsilon)});
}

template <typename T>
void backward(KernelArgs& args, const NormRows& p) {
  const NormGradient<T> gradient{args.in[0].as<const T>(),
                                 args.in[1].as<const T>(),
                                 nullptr,
                                 args.in[2].as<const T>(),
                                 p.gamma ? args.in[3].as<const T>() : nullptr,
                                 args.out[0].as<T>()};
  norm_gradient<T, false>(args, p, gradient, args.n_out == 2 ? args.out[1].as<T>() : nullptr, nullptr);
}

}  // namespace

void rmsNorm(KernelArgs& args) {
  const NormRows p = norm_rows(args);
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(args.n_in == 1 + p.gamma, "gamma is missing");
  if (p.gamma) check_norm_input(args.in[1], p.columns, dtype);
  check_norm_input(args.out[1], p.rows, dtype);
  dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void rmsNormGrad(KernelArgs& args) {
  const NormRows p = norm_rows(args);
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(args.n_in == 3 + p.gamma, "gamma is missing");
  check_norm_input(args.in[1], args.in[0].numel(), dtype);
  check_norm_input(args.in[2], p.rows, dtype);
  if (p.gamma) check_norm_input(args.in[3], p.columns, dtype);
  if (args.n_out == 2) check_norm_input(args.out[1], p.columns, dtype);
  dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::cuda
