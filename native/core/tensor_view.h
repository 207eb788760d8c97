// A tensor as kernels see it: where the elements lie, their type, their shape and strides.
#pragma once
#include <cstdint>

#include "core/inline.h"

namespace nabla {

// The numbers are part of the command format; src/ts/dtype.ts has the same list.
// bfloat16 and float16 are for storage: kernels move and convert them, but do not calculate with them.
enum class DType : int32_t {
  float32 = 0,
  float64 = 1,
  int32 = 2,
  uint8 = 3,
  boolean = 4,
  bfloat16 = 5,
  float16 = 6,
};
constexpr int kDTypeCount = 7;

NABLA_INLINE constexpr int64_t dtype_size(DType dtype) {
  switch (dtype) {
    case DType::float32: return 4;
    case DType::float64: return 8;
    case DType::int32: return 4;
    case DType::uint8: return 1;
    case DType::boolean: return 1;
    case DType::bfloat16: return 2;
    case DType::float16: return 2;
  }
  return 0;
}

constexpr int kMaxRank = 8;

// Strides count elements, may be 0 (broadcast) or negative (reversed). `data` points at the element
// with all indices 0.
struct TensorView {
  void* data;
  DType dtype;
  int32_t rank;
  int64_t shape[kMaxRank];
  int64_t stride[kMaxRank];

  NABLA_INLINE int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= shape[i];
    return n;
  }
  // Row-major without gaps; dimensions of size 1 may have any stride.
  NABLA_INLINE bool contiguous() const {
    int64_t expected = 1;
    for (int i = rank - 1; i >= 0; --i) {
      if (shape[i] != 1 && stride[i] != expected) return false;
      expected *= shape[i];
    }
    return true;
  }
  template <typename T>
  NABLA_INLINE T* as() const {
    return static_cast<T*>(data);
  }
};

NABLA_INLINE bool same_shape(const TensorView& a, const TensorView& b) {
  if (a.rank != b.rank) return false;
  for (int d = 0; d < a.rank; ++d) {
    if (a.shape[d] != b.shape[d]) return false;
  }
  return true;
}

}  // namespace nabla
