// Online softmax (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018): a query's weights are
// made a block of keys at a time, relative to the greatest score so far; what was summed before is scaled down when a
// greater one comes.
#pragma once
#include <cstdint>
#include <limits>

#include "cpu/kernels/attention_tiles.h"
#include "cpu/simd/exp2.h"

namespace nabla::NABLA_ISA {

// The state of a panel's queries, an element for each: scores and maxima in units of kScoreUnit.
template <typename T>
struct OnlineSoftmax {
  T *maximum, *sum;

  NABLA_INLINE void start(int64_t queries) const {
    for (int64_t i = 0; i < queries; ++i) {
      maximum[i] = -std::numeric_limits<T>::infinity();
      sum[i] = T(0);
    }
  }

  // Scores become exponentials, in place; factor[i] is what earlier sums of query i must be multiplied by. False if
  // all factors are 1: no greater score has come.
  bool add(T* panel, int64_t keys, int64_t columns, T* factor) const {
    using V = Vec<T>;
    constexpr int64_t NR = TileShape<T>::NR;
    for (int64_t lane = 0; lane < columns; lane += V::width) {
      T* scores = panel + lane;
      const V before = V::load(maximum + lane), lowest = V::set(-std::numeric_limits<T>::infinity());
      V chain[4] = {before, lowest, lowest, lowest};
      int64_t j = 0;
      for (; j + 4 <= keys; j += 4) {
        for (int k = 0; k < 4; ++k) chain[k] = max(V::load(scores + (j + k) * NR), chain[k]);
      }
      for (; j < keys; ++j) chain[0] = max(V::load(scores + j * NR), chain[0]);
      const V after = max(max(chain[0], chain[1]), max(chain[2], chain[3]));
      // Where no key counts yet, all scores are -inf, and so must be their distance.
      const V shift = select(after == lowest, V::zero(), after);
      V total = V::zero();
      for (j = 0; j < keys; ++j) {
        const V e = power(V::load(scores + j * NR) - shift);
        e.store(scores + j * NR);
        total = total + e;
      }
      const V scale = power(before - shift);
      scale.store(factor + lane);
      after.store(maximum + lane);
      fma(V::load(sum + lane), scale, total).store(sum + lane);
    }
    bool scales = false;
    for (int64_t i = 0; i < columns; ++i) scales |= factor[i] != T(1);
    return scales;
  }

  // What query i's sums are multiplied by in the end: 0 if no key counted.
  NABLA_INLINE T normalizer(int64_t i) const { return sum[i] == T(0) ? T(0) : T(1) / sum[i]; }
  // The greatest score, or any finite number if no key counted: scores of -inf have no weight beside it.
  NABLA_INLINE T greatest(int64_t i) const { return sum[i] == T(0) ? T(0) : maximum[i]; }
};

// rows[i] *= factor[i], for rows of `columns` elements without gaps.
template <typename T>
NABLA_INLINE void scale_rows(T* rows, const T* factor, int64_t n, int64_t columns) {
  for (int64_t i = 0; i < n; ++i) {
    const Vec<T> scale = Vec<T>::set(factor[i]);
    for_lanes<T>(0, columns, [&](int64_t j, auto lanes) {
      T* p = rows + i * columns + j;
      lanes.store(p, lanes.load(p) * scale);
    });
  }
}

}  // namespace nabla::NABLA_ISA
