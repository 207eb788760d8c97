// Loops over tensors of one shape but different strides: the host merges dimensions that lie one after another in
// memory, kernels turn a row-major place into each tensor's offset.
#pragma once
#include "core/checks.h"
#include "core/kernel.h"
#include "cuda/launch.h"

namespace nabla::cuda {

// The widest access to memory.
constexpr int kPackBytes = 16;

// V elements that are loaded and stored at once, from addresses that are a multiple of their size.
template <typename T, int V>
struct alignas(sizeof(T) * V) Vec {
  T at[V];
};
template <int V, typename T>
__device__ __forceinline__ Vec<T, V> load_vec(const T* p) {
  return *reinterpret_cast<const Vec<T, V>*>(p);
}
template <typename T, int V>
__device__ __forceinline__ void store_vec(T* p, const Vec<T, V>& x) {
  *reinterpret_cast<Vec<T, V>*>(p) = x;
}

inline bool aligned(const void* p, int64_t bytes) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; }

// Division by a number from 1 to 2^31 - 1 that a launch's threads share, by a multiplication and a shift (Granlund and
// Montgomery). For n < 2^31.
struct Divisor {
  uint32_t divisor = 1, multiplier = 1, shift = 0;

  Divisor() = default;
  explicit Divisor(int64_t d) : divisor(static_cast<uint32_t>(d)) {
    while ((int64_t{1} << shift) < d) ++shift;
    multiplier = static_cast<uint32_t>((((uint64_t{1} << shift) - divisor) << 32) / divisor + 1);
  }
  __device__ __forceinline__ uint32_t quotient(uint32_t n) const {
    return (static_cast<uint32_t>(uint64_t{n} * multiplier >> 32) + n) >> shift;
  }
  // Gives the quotient and leaves the remainder in n.
  __device__ __forceinline__ uint32_t split(uint32_t& n) const {
    const uint32_t q = quotient(n);
    n -= q * divisor;
    return q;
  }
};

// A contiguous view of the shape and dtype of `like`.
inline TensorView contiguous_like(const TensorView& like, void* data) {
  TensorView view = like;
  view.data = data;
  int64_t stride = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    view.stride[i] = stride;
    stride *= view.shape[i];
  }
  return view;
}

// The index space of N tensors of one shape, with at least one dimension.
template <int N>
struct StridedLoop {
  int rank = 0;
  int64_t shape[kMaxRank];
  int64_t stride[N][kMaxRank];

  int64_t row_length() const { return shape[rank - 1]; }
  int64_t row_stride(int tensor) const { return stride[tensor][rank - 1]; }
  int64_t numel() const {
    int64_t n = 1;
    for (int d = 0; d < rank; ++d) n *= shape[d];
    return n;
  }
  // Appends a dimension inside the others, to which it is merged where every tensor's strides allow it.
  void append(int64_t size, const int64_t (&strides)[N]) {
    if (size == 1) return;
    bool merge = rank > 0;
    for (int k = 0; k < N && merge; ++k) merge = stride[k][rank - 1] == strides[k] * size;
    if (!merge) shape[rank++] = 1;
    shape[rank - 1] *= size;
    for (int k = 0; k < N; ++k) stride[k][rank - 1] = strides[k];
  }
  // One element has one dimension too.
  void finish() {
    if (rank > 0) return;
    shape[rank++] = 1;
    for (int k = 0; k < N; ++k) stride[k][0] = 1;
  }
  // Whether rows can be read and written `v` elements at a time: those of every tensor lie one after another (and begin
  // at a multiple of v, if the first one does) or repeat one element.
  bool packs(int64_t v) const {
    if (rank > 1 && row_length() % v != 0) return false;
    for (int k = 0; k < N; ++k) {
      if (row_stride(k) == 0) continue;
      if (row_stride(k) != 1) return false;
      for (int d = 0; d < rank - 1; ++d) {
        if (stride[k][d] % v != 0) return false;
      }
    }
    return true;
  }
  // Counts packs of v elements along the rows; the last one may be partial if there is one row only.
  StridedLoop in_packs(int64_t v) const {
    StridedLoop loop = *this;
    loop.shape[rank - 1] = (row_length() + v - 1) / v;
    for (int k = 0; k < N; ++k) loop.stride[k][rank - 1] *= v;
    return loop;
  }
};

// Keeps the order of the dimensions, drops those of size 1 and merges neighbours.
template <int N>
StridedLoop<N> collapse(const TensorView* const (&tensor)[N]) {
  StridedLoop<N> loop;
  for (int d = 0; d < tensor[0]->rank; ++d) {
    int64_t strides[N];
    for (int k = 0; k < N; ++k) strides[k] = tensor[k]->stride[d];
    loop.append(tensor[0]->shape[d], strides);
  }
  loop.finish();
  return loop;
}

// In a kernel: from a place in row-major order to the element's offset in each of N tensors.
template <int N>
struct Offsets {
  int32_t of[N];
};
template <int N>
struct StridedIndex {
  int32_t rank;
  // Innermost dimension first. 32 bits are enough, since tensors have less than 2^31 elements: sums wrap on the way,
  // not in the end.
  Divisor size[kMaxRank];
  uint32_t stride[kMaxRank][N];

  explicit StridedIndex(const StridedLoop<N>& loop) : rank(loop.rank) {
    for (int d = 0; d < kMaxRank; ++d) {
      const int from = rank - 1 - d;
      size[d] = from < 0 ? Divisor() : Divisor(loop.shape[from]);
      for (int k = 0; k < N; ++k) stride[d][k] = from < 0 ? 0 : static_cast<uint32_t>(loop.stride[k][from]);
    }
  }
  __device__ __forceinline__ Offsets<N> operator()(uint32_t i) const {
    uint32_t offset[N] = {};
#pragma unroll
    for (int d = 0; d < kMaxRank; ++d) {
      const bool last = d + 1 >= rank;
      uint32_t index = i;
      if (!last) i = size[d].split(index);
#pragma unroll
      for (int k = 0; k < N; ++k) offset[k] += index * stride[d][k];
      if (last) break;
    }
    Offsets<N> result;
#pragma unroll
    for (int k = 0; k < N; ++k) result.of[k] = static_cast<int32_t>(offset[k]);
    return result;
  }
};

// target[...] = source[...] for two views of the same shape and dtype that do not overlap (kernels/copy.cu).
void copy_strided(const TensorView& target, const TensorView& source, cudaStream_t stream);

}  // namespace nabla::cuda
