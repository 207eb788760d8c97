// Passes over one row of logits, shared by softmax and cross-entropy. A row that holds NaN or +inf, or nothing but
// -inf, gives NaN.
#pragma once
#include <cstdint>
#include <limits>

#include "cpu/simd/lanes.h"
#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {

// NaN is passed over: it shows up in the exponentials.
template <typename T>
NABLA_INLINE T row_max(const T* x, int64_t n) {
  using V = Vec<T>;
  constexpr int64_t kWidth = V::width, kChains = 4;
  const V lowest = V::set(-std::numeric_limits<T>::infinity());
  V chain[kChains] = {lowest, lowest, lowest, lowest};
  int64_t i = 0;
  for (; i + kChains * kWidth <= n; i += kChains * kWidth) {
    for (int64_t k = 0; k < kChains; ++k) chain[k] = max(V::load(x + i + k * kWidth), chain[k]);
  }
  V total = max(max(chain[0], chain[1]), max(chain[2], chain[3]));
  for_lanes<T>(i, n, [&](int64_t j, auto lanes) { total = max(lanes.load(x + j, lowest), total); });
  return fold_registers(total, [](V a, V b) { return max(a, b); });
}

// The sum of exp(x - shift); visit(j, lanes, exponentials) may store them.
template <typename T, typename Visit>
NABLA_INLINE T sum_of_exp(const T* x, int64_t n, T shift, Visit&& visit) {
  const Vec<T> m = Vec<T>::set(shift), lowest = Vec<T>::set(-std::numeric_limits<T>::infinity());
  Vec<T> total = Vec<T>::zero();
  for_lanes<T>(0, n, [&](int64_t j, auto lanes) {
    const Vec<T> e = exp(lanes.load(x + j, lowest) - m);
    visit(j, lanes, e);
    total = total + e;
  });
  return sum_lanes(total);
}

// Rows of one parallel task.
NABLA_INLINE int64_t softmax_grain(int64_t columns) {
  constexpr int64_t kElements = 16384;
  return kElements / (columns + 1) + 1;
}

}  // namespace nabla::NABLA_ISA
