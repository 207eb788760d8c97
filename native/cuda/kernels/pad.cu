// pad: the input inside a larger output, one value everywhere else. Elements are moved as unsigned integers of their
// size.
#include "core/checks.h"
#include "cuda/queue.h"
#include "cuda/strided.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;

// Innermost dimension first, counted in packs of the kernel's elements.
struct Padding {
  int32_t rank = 0;
  Divisor size[kMaxRank];  // of the output
  uint32_t before[kMaxRank], inside[kMaxRank], stride[kMaxRank];
};

// A pack per thread.
template <typename T, int V>
__global__ void __launch_bounds__(kThreads)
    pad_packs(Padding p, uint32_t n, T* __restrict__ out, const T* __restrict__ in, const T* __restrict__ value) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= n) return;
  uint32_t rest = i, offset = 0;
  bool inside = true;
#pragma unroll
  for (int d = 0; d < kMaxRank; ++d) {
    const bool last = d + 1 >= p.rank;
    uint32_t index = rest;
    if (!last) rest = p.size[d].split(index);
    index -= p.before[d];  // beyond every size if it was less
    inside = inside && index < p.inside[d];
    offset += index * p.stride[d];
    if (last) break;
  }
  Vec<T, V> x;
  if (inside) {
    x = load_vec<V>(in + static_cast<int32_t>(offset));
  } else {
    const T fill = *value;
#pragma unroll
    for (int j = 0; j < V; ++j) x.at[j] = fill;
  }
  store_vec(out + static_cast<int64_t>(i) * V, x);
}

// The dimensions of a pad, those of size 1 left out and those without padding merged with the one outside.
struct Dimensions {
  int rank = 0;
  int64_t out[kMaxRank], in[kMaxRank], before[kMaxRank], stride[kMaxRank];

  explicit Dimensions(const KernelArgs& args) {
    const TensorView &x = args.in[0], &result = args.out[0];
    for (int d = 0; d < x.rank; ++d) {
      const int64_t size = x.shape[d], first = static_cast<int64_t>(args.attr[d]);
      if (result.shape[d] == 1 && size == 1) continue;
      if (rank > 0 && size == result.shape[d] && (stride[rank - 1] == x.stride[d] * size || in[rank - 1] == 1)) {
        out[rank - 1] *= size, in[rank - 1] *= size, before[rank - 1] *= size, stride[rank - 1] = x.stride[d];
      } else {
        out[rank] = result.shape[d], in[rank] = size, before[rank] = first, stride[rank] = x.stride[d];
        ++rank;
      }
    }
    if (rank == 0) out[0] = in[0] = stride[0] = 1, before[0] = 0, ++rank;
  }
  bool packs(int64_t v) const {
    const int last = rank - 1;
    if (out[last] % v != 0 || in[last] % v != 0 || before[last] % v != 0 || stride[last] != 1) return false;
    for (int d = 0; d < last; ++d) {
      if (stride[d] % v != 0) return false;
    }
    return true;
  }
  Padding in_packs(int64_t v) const {
    Padding p;
    p.rank = rank;
    for (int d = 0; d < rank; ++d) {
      const int from = rank - 1 - d;
      const int64_t unit = d == 0 ? v : 1;
      p.size[d] = Divisor(out[from] / unit);
      p.before[d] = static_cast<uint32_t>(before[from] / unit);
      p.inside[d] = static_cast<uint32_t>(in[from] / unit);
      p.stride[d] = static_cast<uint32_t>(stride[from] * unit);
    }
    return p;
  }
};

template <typename T, int V>
void launch_pad(const KernelArgs& args, const Dimensions& dimensions, cudaStream_t stream) {
  const int64_t n = args.out[0].numel() / V;
  launch(pad_packs<T, V>, blocks_for(n, kThreads), kThreads, 0, stream, dimensions.in_packs(V), n, args.out[0].as<T>(),
         args.in[0].as<T>(), args.in[1].as<T>());
}

template <typename T>
void pad_elements(KernelArgs& args) {
  constexpr int V = kPackBytes / sizeof(T);
  const Dimensions dimensions(args);
  const cudaStream_t stream = queue_of(args).stream();
  if (dimensions.packs(V) && aligned(args.in[0].data, kPackBytes) && aligned(args.out[0].data, kPackBytes)) {
    launch_pad<T, V>(args, dimensions, stream);
  } else {
    launch_pad<T, 1>(args, dimensions, stream);
  }
}

}  // namespace

void pad(KernelArgs& args) {
  const TensorView &x = args.in[0], &value = args.in[1], &out = args.out[0];
  NABLA_CHECK(x.dtype == out.dtype && value.dtype == out.dtype, "the dtypes of inputs and output differ");
  NABLA_CHECK(x.rank >= 1 && x.rank == out.rank && args.n_attr == x.rank, "the number of axes is wrong");
  NABLA_CHECK(value.numel() == 1, "the value must be one element");
  for (int d = 0; d < x.rank; ++d) {
    NABLA_CHECK(args.attr[d] >= 0 && args.attr[d] <= static_cast<double>(out.shape[d] - x.shape[d]),
                "the output is too small");
  }
  if (out.numel() == 0) return;
  switch (dtype_size(out.dtype)) {
    case 1: return pad_elements<uint8_t>(args);
    case 2: return pad_elements<uint16_t>(args);
    case 4: return pad_elements<uint32_t>(args);
    default: return pad_elements<uint64_t>(args);
  }
}

}  // namespace nabla::cuda
