// What gradients have to be multiplied with so that no norm is above a limit. First the sums of squares of all blocks,
// in double: squares of floats neither overflow nor vanish there; then those of each tensor, or of all.
#include <cstdint>

#include "cuda/fold.h"
#include "cuda/kernels/tensor_table.h"
#include "cuda/queue.h"

namespace nabla::cuda {
namespace {

using Table = TensorTable<1>;

constexpr int kThreads = 256;
constexpr int kBlockElements = 16384;

template <typename T>
__device__ double sum_of_squares(const Table& table, int tensor) {
  constexpr int kWidth = Pack<T>::size;
  const int64_t begin = static_cast<int64_t>(blockIdx.x - table.first_block[tensor]) * kBlockElements;
  const int64_t left = table.size[tensor] - begin;
  const int size = static_cast<int>(left < kBlockElements ? left : kBlockElements);
  const T* x = static_cast<const T*>(table.data[0][tensor]) + begin;
  const int packs = table.packed[tensor] ? size / kWidth : 0;
  double sum[2] = {0, 0};
#pragma unroll 4
  for (int k = threadIdx.x; k < packs; k += kThreads) {
    const Pack<T> pack = reinterpret_cast<const Pack<T>*>(x)[k];
#pragma unroll
    for (int w = 0; w < kWidth; ++w) {
      const double value = static_cast<double>(pack.value[w]);
      sum[w % 2] = fma(value, value, sum[w % 2]);
    }
  }
  for (int i = packs * kWidth + threadIdx.x; i < size; i += kThreads) {
    const double value = static_cast<double>(x[i]);
    sum[0] = fma(value, value, sum[0]);
  }
  return sum[0] + sum[1];
}

__global__ void __launch_bounds__(kThreads, 4) add_squares(Table table, double* partial) {
  const int tensor = table.tensor_of(static_cast<int>(blockIdx.x));
  const double own = table.wide[tensor] ? sum_of_squares<double>(table, tensor) : sum_of_squares<float>(table, tensor);
  const double sum = block_fold<kThreads>(own, AddOp());
  if (threadIdx.x == 0) partial[table.blocks_before + blockIdx.x] = sum;
}

__device__ double sum_of(const double* partial, int64_t n) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += partial[i];
  return block_fold<kThreads>(sum, AddOp());
}

// A block for each tensor.
__global__ void __launch_bounds__(kThreads)
    scale_each(Table table, const double* partial, double limit, double* scale) {
  const int first = table.first_block[blockIdx.x], end = table.first_block[blockIdx.x + 1];
  const double sum = sum_of(partial + table.blocks_before + first, end - first);
  // A norm that is NaN gives NaN.
  if (threadIdx.x == 0) scale[table.first_tensor + blockIdx.x] = sum <= limit * limit ? 1 : limit / sqrt(sum);
}

// One block.
__global__ void __launch_bounds__(kThreads)
    scale_all(const double* partial, int64_t blocks, double limit, double* scale, int n) {
  const double norm = sqrt(sum_of(partial, blocks));
  double factor = norm <= limit ? 1 : limit / norm;
  // One infinite gradient spoils all of them, so that it is seen, and not only its own.
  if (norm - norm != 0) factor = norm - norm;
  for (int i = threadIdx.x; i < n; i += kThreads) scale[i] = factor;
}

}  // namespace

void clipScales(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 2, "limit and global are needed");
  const double limit = args.attr[0];
  const bool global = args.attr[1] != 0;
  const int n = args.n_in;
  int64_t blocks = 0;
  for (int i = 0; i < n; ++i) {
    const TensorView& t = args.in[i];
    NABLA_CHECK((t.dtype == DType::float32 || t.dtype == DType::float64) && t.contiguous(),
                "gradients must be contiguous, float32 or float64");
    blocks += blocks_for(t.numel(), kBlockElements);
  }
  const TensorView& out = args.out[0];
  NABLA_CHECK(out.dtype == DType::float64 && out.numel() == n, "there must be n float64 factors");

  const cudaStream_t stream = queue_of(args).stream();
  double* const partial = args.workspace.array<double>(blocks + 1);
  double* const scale = out.as<double>();
  for_tables<1>(args, n, kBlockElements, [&](const Table& table, unsigned table_blocks) {
    launch(add_squares, table_blocks, kThreads, 0, stream, table, partial);
    if (!global) launch(scale_each, table.count, kThreads, 0, stream, table, partial, limit, scale);
  });
  if (global) launch(scale_all, 1, kThreads, 0, stream, partial, blocks, limit, scale, n);
}

}  // namespace nabla::cuda
