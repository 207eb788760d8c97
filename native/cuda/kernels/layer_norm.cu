// Layer normalization (Ba, Kiros and Hinton, 2016) over the trailing elements, and its gradients.
#include "cuda/kernels/norm_rows.h"

namespace nabla::cuda {
namespace {

template <typename T>
void forward(KernelArgs& args, const NormRows& p) {
  const T* gamma = p.gamma ? args.in[1].as<const T>() : nullptr;
  const T* beta = args.n_in > 1 + p.gamma ? args.in[1 + p.gamma].as<const T>() : nullptr;
  normalize_rows<T, true>(args, p,
                          {args.in[0].as<const T>(), gamma, beta, args.out[0].as<T>(), args.out[1].as<T>(),
                           args.out[2].as<T>(), static_cast<T>(p.epsilon)});
}

template <typename T>
void backward(KernelArgs& args, const NormRows& p) {
  const NormGradient<T> gradient{args.in[0].as<const T>(),
                                 args.in[1].as<const T>(),
                                 args.in[2].as<const T>(),
                                 args.in[3].as<const T>(),
                                 p.gamma ? args.in[4].as<const T>() : nullptr,
                                 args.out[0].as<T>()};
  const bool sums = args.n_out == 3;
  norm_gradient<T, true>(args, p, gradient, sums ? args.out[1].as<T>() : nullptr, sums ? args.out[2].as<T>() : nullptr);
}

}  // namespace

void layerNorm(KernelArgs& args) {
  const NormRows p = norm_rows(args);
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(!p.gamma || args.n_in >= 2, "gamma is missing");
  for (int i = 1; i < args.n_in; ++i) check_norm_input(args.in[i], p.columns, dtype);
  for (int i = 1; i < 3; ++i) check_norm_input(args.out[i], p.rows, dtype);
  dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void layerNormGrad(KernelArgs& args) {
  const NormRows p = norm_rows(args);
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(args.n_in == 4 + p.gamma && args.n_out != 2, "gamma or an output is missing");
  check_norm_input(args.in[1], args.in[0].numel(), dtype);
  for (int i = 2; i < 4; ++i) check_norm_input(args.in[i], p.rows, dtype);
  if (p.gamma) check_norm_input(args.in[4], p.columns, dtype);
  for (int i = 1; i < args.n_out; ++i) check_norm_input(args.out[i], p.columns, dtype);
  dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::cuda
