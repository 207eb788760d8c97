// Rows of neighbours, each taken by a team of threads: some lanes of a warp, a warp, or a whole block. What a thread
// has read, it keeps in slots of shared memory that no other thread touches, so that memory is read once and no
// barrier is needed; rows that are too long for that are read again.
#pragma once
#include <cstdint>
#include <initializer_list>

#include "cuda/fold.h"
#include "cuda/launch.h"

namespace nabla::cuda {

// `width` neighbours that are moved at once.
template <typename T, int width>
struct alignas(sizeof(T) * width) RowPack {
  static constexpr int kWidth = width;
  T v[width];
  __device__ T& operator[](int i) { return v[i]; }
  __device__ const T& operator[](int i) const { return v[i]; }
};
// Elements of 128 bits.
template <typename T>
constexpr int kPackWidth = 16 / static_cast<int>(sizeof(T));

template <int width>
struct Width {
  static constexpr int value = width;
};

template <int width, typename T>
__device__ RowPack<T, width> load_elements(const T* p) {
  return *reinterpret_cast<const RowPack<T, width>*>(p);
}
template <typename T, int width>
__device__ void store_elements(T* p, const RowPack<T, width>& pack) {
  *reinterpret_cast<RowPack<T, width>*>(p) = pack;
}

inline bool aligned_to_packs(std::initializer_list<const void*> pointers) {
  for (const void* p : pointers) {
    if (reinterpret_cast<uintptr_t>(p) % 16 != 0) return false;
  }
  return true;
}

// Two values that are folded together.
template <typename T>
struct Two {
  T a, b;
};
struct AddTwo {
  template <typename T>
  __device__ Two<T> operator()(Two<T> x, Two<T> y) const {
    return {x.a + y.a, x.b + y.b};
  }
};

// Shuffles are of 4 and 8 bytes.
template <typename T>
__device__ T from_lane_xor(T value, int offset) {
  return __shfl_xor_sync(kFullMask, value, offset);
}
__device__ inline uint8_t from_lane_xor(uint8_t value, int offset) {
  return static_cast<uint8_t>(__shfl_xor_sync(kFullMask, int{value}, offset));
}
template <typename T>
__device__ Two<T> from_lane_xor(Two<T> value, int offset) {
  return {from_lane_xor(value.a, offset), from_lane_xor(value.b, offset)};
}

// Blocks are of `threads` threads; `size` of them take a row. Both are powers of two.
struct RowTeam {
  int size, threads;

  __host__ __device__ int per_block() const { return threads / size; }
  __device__ int rank() const { return static_cast<int>(threadIdx.x) & (size - 1); }
  // The team's number in its block.
  __device__ int slot() const { return static_cast<int>(threadIdx.x) / size; }
  __device__ int64_t row() const { return int64_t{blockIdx.x} * per_block() + slot(); }

  // Every thread gets combine() of its team's values. All threads of the block must take part.
  template <typename T, typename Combine>
  __device__ T fold(T value, Combine combine) const {
    for (int offset = (size < kWarp ? size : kWarp) / 2; offset > 0; offset /= 2) {
      value = combine(value, from_lane_xor(value, offset));
    }
    if (size <= kWarp) return value;
    SHARED(T, partial, [kWarp]);
    const int warps = size / kWarp;
    if (threadIdx.x % kWarp == 0) partial[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = partial[static_cast<int>(threadIdx.x) & (warps - 1)];
    for (int offset = warps / 2; offset > 0; offset /= 2) value = combine(value, from_lane_xor(value, offset));
    __syncthreads();  // nobody writes the next call's values before all have read these
    return value;
  }
};

constexpr int kMostTeamThreads = 1024;
// Shared memory for kept rows; some of what a kernel gets is left for fold().
constexpr int64_t kKeptBytes = 40 << 10;

struct RowLayout {
  int64_t rows;
  uint32_t columns;
  bool wide;  // packs are moved
  bool kept;  // rows fit in shared memory
  RowTeam team;

  // body(j, Width) for all places j of a row from which this thread takes Width elements.
  template <typename T, typename Body>
  __device__ void for_row(uint32_t n, Body&& body) const {
    if (wide) {
      constexpr uint32_t kWidth = kPackWidth<T>;
#pragma unroll 1
      for (uint32_t j = team.rank() * kWidth; j < n; j += team.size * kWidth) body(j, Width<kPackWidth<T>>());
    } else {
#pragma unroll(sizeof(T) < 8 ? 4 : 1)
      for (uint32_t j = team.rank(); j < n; j += team.size) body(j, Width<1>());
    }
  }
  // Where the team keeps its row of the array of that number.
  template <typename T>
  __device__ T* kept_row(unsigned char* shared, int array = 0) const {
    return reinterpret_cast<T*>(shared) + int64_t{array * team.per_block() + team.slot()} * columns;
  }

  unsigned grid() const { return blocks_for(rows, team.per_block()); }
  size_t shared_bytes(int64_t row_bytes) const { return kept ? static_cast<size_t>(team.per_block() * row_bytes) : 0; }
};

// The team depends on the row's length alone, and so do a row's results. kept_bytes: of one row.
template <typename T>
RowLayout layout_rows(int64_t rows, int64_t columns, int64_t kept_bytes, std::initializer_list<const void*> pointers) {
  constexpr int64_t kWarpBytes = kKeptBytes / 8, kShortBytes = 16 << 10;
  RowLayout layout{rows,
                   static_cast<uint32_t>(columns),
                   columns % kPackWidth<T> == 0 && aligned_to_packs(pointers),
                   true,
                   {kWarp, 256}};
  const int64_t accesses = layout.wide ? columns / kPackWidth<T> : columns;
  if (kept_bytes <= kWarpBytes) {
    while (layout.team.size > 1 && layout.team.size / 2 >= accesses) layout.team.size /= 2;
  } else if (kept_bytes <= kShortBytes) {
    layout.team.size = 256;
  } else if (kept_bytes <= kKeptBytes) {
    layout.team = {512, 512};
  } else {
    layout.team = {kMostTeamThreads, kMostTeamThreads};
    layout.kept = false;
  }
  return layout;
}

}  // namespace nabla::cuda
