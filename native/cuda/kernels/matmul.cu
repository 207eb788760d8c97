// matmul: a [..., M, K] x b [..., K, N] -> [..., M, N], with bias, activation and residual.
#include "core/activation.h"
#include "core/checks.h"
#include "core/matmul.h"
#include "cuda/gemm/product.h"

namespace nabla::cuda {
namespace {

// The batch dimensions of one product or more, outermost first, as few as possible. Inner ones that share b, and in
// which the rows of a go on, are more rows of one product.
template <typename T>
void set_batch(const TensorView& a, const TensorView& b, Product<T>& p) {
  int dims = a.rank - 2;
  int64_t m = p.m;
  for (; dims > 0; --dims) {
    const int d = dims - 1;
    const bool single = a.shape[d] == 1;
    const bool shares_b = b.stride[d] == 0 && (m == 1 || a.stride[d] == m * p.a.row);
    if (!single && !shares_b) break;
    if (!single && m == 1) p.a.row = a.stride[d];
    m *= a.shape[d];
  }
  p.m = static_cast<int>(m);
  ProductBatch& batch = p.batch;
  batch.count = 1;
  for (int d = 0; d < dims; ++d) {
    batch.count *= static_cast<int>(a.shape[d]);
    if (a.shape[d] == 1) continue;
    const int last = batch.rank - 1;
    if (last >= 0 && batch.a_stride[last] == a.shape[d] * a.stride[d] &&
        batch.b_stride[last] == a.shape[d] * b.stride[d]) {
      batch.shape[last] *= static_cast<int>(a.shape[d]);
      batch.a_stride[last] = a.stride[d];
      batch.b_stride[last] = b.stride[d];
    } else {
      batch.shape[batch.rank] = static_cast<int>(a.shape[d]);
      batch.a_stride[batch.rank] = a.stride[d];
      batch.b_stride[batch.rank++] = b.stride[d];
    }
  }
}

template <typename T>
void run(KernelArgs& args) {
  const TensorView &a = args.in[0], &b = args.in[1], &out = args.out[0];
  if (out.numel() == 0) return;
  const int rank = a.rank;
  Product<T> p = {};
  p.m = static_cast<int>(out.shape[rank - 2]);
  p.n = static_cast<int>(out.shape[rank - 1]);
  p.k = static_cast<int>(a.shape[rank - 1]);
  p.a = {a.data, a.dtype, a.stride[rank - 2], a.stride[rank - 1]};
  p.b = {b.data, b.dtype, b.stride[rank - 2], b.stride[rank - 1]};
  set_batch(a, b, p);
  p.out.c = out.as<T>();
  p.out.row = p.n;
  p.out.batch = static_cast<int64_t>(p.m) * p.n;
  p.out.activation = static_cast<Activation>(static_cast<int>(args.attr[0]));
  // bias and residual follow a and b in this order, where the attributes say so.
  int next = 2;
  if (args.attr[1] != 0) p.out.bias = args.in[next++].as<T>();
  if (args.attr[2] != 0) p.out.residual = args.in[next++].as<T>();
  if (args.n_out == 2) p.out.z = args.out[1].as<T>();
  multiply(queue_of(args), args.workspace, p);
}

}  // namespace

void matmul(KernelArgs& args) { check_matmul(args) == MatmulDtypes::doubles ? run<double>(args) : run<float>(args); }

}  // namespace nabla::cuda
