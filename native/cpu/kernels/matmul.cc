// matmul: a [..., M, K] x b [..., K, N] -> [..., M, N], with bias, activation and residual.
#include "core/matmul.h"
#include "core/activation.h"
#include "core/checks.h"
#include "cpu/gemm/gemm.h"
#include "cpu/kernels/half.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T, typename A, typename B>
void run(KernelArgs& args, const Epilogue<T>& epilogue) {
  const TensorView &a = args.in[0], &b = args.in[1], &out = args.out[0];
  const int rank = a.rank;
  GemmArgs<T, A, B> first = {out.shape[rank - 2],
                             out.shape[rank - 1],
                             a.shape[rank - 1],
                             a.as<A>(),
                             a.stride[rank - 2],
                             a.stride[rank - 1],
                             b.as<B>(),
                             b.stride[rank - 2],
                             b.stride[rank - 1],
                             out.as<T>(),
                             out.shape[rank - 1],
                             false,
                             epilogue};
  // Inner batch dimensions that share b, and in which the rows of a go on, are more rows of one product.
  int dims = rank - 2;
  while (dims > 0) {
    const int d = dims - 1;
    const bool single = a.shape[d] == 1;
    const bool shares_b = b.stride[d] == 0 && (first.m == 1 || a.stride[d] == first.m * first.a_row);
    if (!single && !shares_b) break;
    if (!single && first.m == 1) first.a_row = a.stride[d];
    first.m *= a.shape[d];
    --dims;
  }
  GemmBatch batch = {dims, {}, {}, {}, first.m * first.n};
  for (int d = 0; d < dims; ++d) {
    batch.shape[d] = a.shape[d];
    batch.a_stride[d] = a.stride[d];
    batch.b_stride[d] = b.stride[d];
  }
  gemm_batched(args.pool, args.workspace, first, batch);
}

template <typename A>
void with_b(KernelArgs& args, const Epilogue<float>& epilogue) {
  switch (args.in[1].dtype) {
    case DType::bfloat16: return run<float, A, BFloat16>(args, epilogue);
    case DType::float16: return run<float, A, Float16>(args, epilogue);
    default: return run<float, A, float>(args, epilogue);
  }
}

// bias and residual follow a and b in this order, where the attributes say so.
template <typename T>
Epilogue<T> epilogue_of(const KernelArgs& args) {
  Epilogue<T> epilogue = {nullptr, static_cast<Activation>(static_cast<int>(args.attr[0]))};
  int next = 2;
  if (args.attr[1] != 0) epilogue.bias = args.in[next++].as<T>();
  if (args.attr[2] != 0) epilogue.residual = args.in[next++].as<T>();
  if (args.n_out == 2) epilogue.z = args.out[1].as<T>();
  return epilogue;
}

}  // namespace

void matmul(KernelArgs& args) {
  const MatmulDtypes dtypes = check_matmul(args);
  if (dtypes == MatmulDtypes::doubles) return run<double, double, double>(args, epilogue_of<double>(args));
  const Epilogue<float> epilogue = epilogue_of<float>(args);
  switch (args.in[0].dtype) {
    case DType::bfloat16: return with_b<BFloat16>(args, epilogue);
    case DType::float16: return with_b<Float16>(args, epilogue);
    default: return with_b<float>(args, epilogue);
  }
}

}  // namespace nabla::NABLA_ISA
