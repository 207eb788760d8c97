// tril and triu: the lower or upper triangle of each matrix, zeros elsewhere. Elements are moved as unsigned integers
// of their size.
#include "core/checks.h"
#include "cuda/queue.h"
#include "cuda/strided.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;

struct Triangle {
  // Of packs.
  StridedIndex<1> index;
  Divisor row_packs, rows;
  int32_t diagonal;
  bool lower;
};

// A pack per thread, of one row. What is not kept is not read.
template <typename T, int V>
__global__ void __launch_bounds__(kThreads)
    triangle_packs(Triangle t, uint32_t n, T* __restrict__ out, const T* __restrict__ in) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= n) return;
  uint32_t column_pack = i;
  uint32_t row = t.row_packs.split(column_pack);
  t.rows.split(row);
  // Element j of the pack is kept where it is at or left (right) of the diagonal.
  const int32_t first = static_cast<int32_t>(column_pack) * V - static_cast<int32_t>(row) - t.diagonal;
  Vec<T, V> x = {};
  if (t.lower ? first <= 0 : first + V - 1 >= 0) {
    x = load_vec<V>(in + t.index(i).of[0]);
#pragma unroll
    for (int j = 0; j < V; ++j) {
      if (t.lower ? first + j > 0 : first + j < 0) x.at[j] = 0;
    }
  }
  store_vec(out + static_cast<int64_t>(i) * V, x);
}

template <typename T, int V>
void launch_triangle(const TensorView& x, const TensorView& out, const StridedLoop<1>& loop, int32_t diagonal,
                     bool lower, cudaStream_t stream) {
  const int64_t n = x.numel() / V;
  const Triangle t = {StridedIndex<1>(loop.in_packs(V)), Divisor(x.shape[x.rank - 1] / V), Divisor(x.shape[x.rank - 2]),
                      diagonal, lower};
  launch(triangle_packs<T, V>, blocks_for(n, kThreads), kThreads, 0, stream, t, n, out.as<T>(), x.as<T>());
}

template <typename T>
void triangle_of(const TensorView& x, const TensorView& out, int32_t diagonal, bool lower, cudaStream_t stream) {
  constexpr int V = kPackBytes / sizeof(T);
  const TensorView* const views[] = {&x};
  const StridedLoop<1> loop = collapse<1>(views);
  if (x.shape[x.rank - 1] % V == 0 && loop.row_stride(0) == 1 && loop.packs(V) && aligned(x.data, kPackBytes) &&
      aligned(out.data, kPackBytes)) {
    launch_triangle<T, V>(x, out, loop, diagonal, lower, stream);
  } else {
    launch_triangle<T, 1>(x, out, loop, diagonal, lower, stream);
  }
}

void triangle(KernelArgs& args, bool lower) {
  const TensorView &x = args.in[0], &out = args.out[0];
  NABLA_CHECK(args.n_attr == 1, "a triangle takes the number of its diagonal");
  NABLA_CHECK(x.rank >= 2 && x.dtype == out.dtype && same_shape(x, out), "the output does not fit the input");
  if (x.numel() == 0) return;
  // Beyond the corners, diagonals are all the same.
  const double rows = static_cast<double>(x.shape[x.rank - 2]), columns = static_cast<double>(x.shape[x.rank - 1]);
  const double k = args.attr[0];
  const int32_t diagonal = static_cast<int32_t>(k < -rows ? -rows : k > columns ? columns : k);
  const cudaStream_t stream = queue_of(args).stream();
  switch (dtype_size(x.dtype)) {
    case 1: return triangle_of<uint8_t>(x, out, diagonal, lower, stream);
    case 2: return triangle_of<uint16_t>(x, out, diagonal, lower, stream);
    case 4: return triangle_of<uint32_t>(x, out, diagonal, lower, stream);
    default: return triangle_of<uint64_t>(x, out, diagonal, lower, stream);
  }
}

}  // namespace

void tril(KernelArgs& args) { triangle(args, true); }
void triu(KernelArgs& args) { triangle(args, false); }

}  // namespace nabla::cuda
