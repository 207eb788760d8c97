// Which scores count. Masked scores are -inf: their exponentials are 0.
#pragma once
#include <cstdint>
#include <limits>

#include "cpu/kernels/attention_tiles.h"
#include "cpu/simd/exp2.h"
#include "cpu/simd/lanes.h"

namespace nabla::NABLA_ISA {

// Keys [keys_begin, keys_end) by queries [query, query + queries) of one head: what a panel holds.
struct PanelPlace {
  int64_t b, h, query, queries, keys_begin, keys_end;
  NABLA_INLINE int64_t keys() const { return keys_end - keys_begin; }
};

// The mask's values of a panel, to which the scores are added. `rows` takes NR x keys elements.
template <typename T>
class ScoreMask {
 public:
  NABLA_INLINE explicit ScoreMask(const AttentionProblem& p) : kind_(p.mask_kind), view_(p.mask) {}
  NABLA_INLINE bool exists() const { return kind_ != AttentionMask::none; }

  void fill(const PanelPlace& place, T* rows, T* panel) const {
    if (kind_ == AttentionMask::boolean) {
      fill_from(
          place, view_->as<const uint8_t>(), [](uint8_t x) { return x ? T(0) : -kInfinity; }, rows, panel);
    } else {
      // A finite number stays finite: a row of nothing but the least number attends all keys alike.
      fill_from(
          place, view_->as<const T>(),
          [](T x) {
            const T unit = x * kScoreUnit<T>;
            const T low = unit < -kGreatest ? -kGreatest : unit, bounded = low > kGreatest ? kGreatest : low;
            return x == kInfinity || x == -kInfinity ? x : bounded;
          },
          rows, panel);
    }
  }

 private:
  static constexpr int64_t NR = TileShape<T>::NR;
  static constexpr T kInfinity = std::numeric_limits<T>::infinity(), kGreatest = std::numeric_limits<T>::max();

  template <typename M, typename Value>
  NABLA_INLINE void fill_from(const PanelPlace& place, const M* mask, Value&& value, T* rows, T* panel) const {
    const int64_t n = place.keys(), key_stride = view_->stride[3];
    const M* first = mask + place.b * view_->stride[0] + place.h * view_->stride[1] + place.query * view_->stride[2] +
                     place.keys_begin * key_stride;
    if (view_->stride[2] == 0 || view_->shape[2] == 1) {
      for (int64_t j = 0; j < n; ++j) {
        const T x = value(first[j * key_stride]);
        for (int64_t lane = 0; lane < NR; ++lane) panel[j * NR + lane] = x;
      }
      return;
    }
    for (int64_t i = 0; i < place.queries; ++i) {
      const M* from = first + i * view_->stride[2];
      T* to = rows + i * n;
      if (key_stride == 1) {
        for (int64_t j = 0; j < n; ++j) to[j] = value(from[j]);
      } else {
        for (int64_t j = 0; j < n; ++j) to[j] = value(from[j * key_stride]);
      }
    }
    transpose_panel(rows, n, place.queries, n, panel);
  }

  AttentionMask kind_;
  const TensorView* view_;  // null without a mask
};

// Hides keys from the queries before them: key j counts for queries i >= j.
template <typename T>
NABLA_INLINE void hide_later_keys(const PanelPlace& place, T* panel) {
  using V = TileVec<T>;
  constexpr int64_t NR = TileShape<T>::NR;
  const V hidden = V::set(-std::numeric_limits<T>::infinity());
  for (int64_t j = max_of(place.keys_begin, place.query + 1); j < place.keys_end; ++j) {
    T* row = panel + (j - place.keys_begin) * NR;
    const int64_t lanes = min_of(NR, j - place.query);
    int64_t lane = 0;
    for (; lane + V::width <= lanes; lane += V::width) hidden.store(row + lane);
    if (lane < lanes) hidden.store_part(row + lane, lanes - lane);
  }
}

}  // namespace nabla::NABLA_ISA
