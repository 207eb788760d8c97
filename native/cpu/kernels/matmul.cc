// matmul: a [..., M, K] x b [..., K, N] -> [..., M, N], with bias and activation.
#include "core/activation.h"
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/gemm/gemm.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
void run(KernelArgs& args, Activation activation) {
  const TensorView &a = args.in[0], &b = args.in[1], &out = args.out[0];
  const int rank = a.rank;
  GemmArgs<T> first = {out.shape[rank - 2],
                       out.shape[rank - 1],
                       a.shape[rank - 1],
                       a.as<T>(),
                       a.stride[rank - 2],
                       a.stride[rank - 1],
                       b.as<T>(),
                       b.stride[rank - 2],
                       b.stride[rank - 1],
                       out.as<T>(),
                       out.shape[rank - 1],
                       false,
                       {args.n_in == 3 ? args.in[2].as<T>() : nullptr, activation}};
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

}  // namespace

void matmul(KernelArgs& args) {
  const TensorView &a = args.in[0], &b = args.in[1], &out = args.out[0];
  NABLA_CHECK(args.n_attr == 1 && args.attr[0] >= 0 && args.attr[0] < kActivationCount, "the activation is unknown");
  NABLA_CHECK(a.rank >= 2 && a.rank <= kMaxRank && b.rank == a.rank && out.rank == a.rank, "the ranks differ");
  NABLA_CHECK(a.dtype == b.dtype && a.dtype == out.dtype, "the dtypes differ");
  const int rank = a.rank;
  for (int d = 0; d < rank - 2; ++d) {
    NABLA_CHECK(a.shape[d] == out.shape[d] && b.shape[d] == out.shape[d], "the batch dimensions differ");
  }
  const bool shapes = a.shape[rank - 1] == b.shape[rank - 2] && a.shape[rank - 2] == out.shape[rank - 2] &&
                      b.shape[rank - 1] == out.shape[rank - 1];
  NABLA_CHECK(shapes && out.contiguous(), "the shapes do not fit");
  if (args.n_in == 3) {
    const TensorView& bias = args.in[2];
    NABLA_CHECK(bias.dtype == a.dtype && bias.rank == 1 && bias.shape[0] == b.shape[rank - 1] && bias.contiguous(),
                "the bias does not fit");
  }

  const Activation activation = static_cast<Activation>(static_cast<int>(args.attr[0]));
  switch (a.dtype) {
    case DType::float32: return run<float>(args, activation);
    case DType::float64: return run<double>(args, activation);
    default: kernel_error(ErrorKind::native, "the dtype is not a floating-point type");
  }
}

}  // namespace nabla::NABLA_ISA
