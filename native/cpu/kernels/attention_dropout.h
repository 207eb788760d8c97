// Dropout of attention weights: the numbers of the dropout op on the whole matrix of weights, made by the panel.
#pragma once
#include <cstdint>

#include "cpu/kernels/attention_mask.h"
#include "cpu/simd/philox.h"

namespace nabla::NABLA_ISA {

template <typename T>
class AttentionDropout {
 public:
  NABLA_INLINE explicit AttentionDropout(const AttentionProblem& p)
      : rate_(p.rate),
        heads_(p.heads),
        queries_(p.queries),
        keys_(p.keys),
        seed_(p.seed),
        counter_(p.counter),
        // word >> 8 is the uniform number in units of 2^-24.
        threshold_(static_cast<uint32_t>(__builtin_ceil(p.rate * 0x1p24))),
        scale_(static_cast<T>(1 / (1 - p.rate))) {}
  NABLA_INLINE bool exists() const { return rate_ > 0; }

  // panel[j*NR + lane] is what the weight is multiplied by: 0 or 1 / (1 - rate). `rows` takes NR x keys elements.
  void factors(const PanelPlace& place, T* rows, T* panel) const {
    constexpr int64_t kWords = 4 * kPhiloxBlocks;
    const int64_t n = place.keys();
    uint32_t words[kWords];
    for (int64_t i = 0; i < place.queries; ++i) {
      const int64_t first = ((place.b * heads_ + place.h) * queries_ + place.query + i) * keys_ + place.keys_begin;
      T* row = rows + i * n;
      // The first block may begin before this row's first word.
      int64_t skip = first % 4;
      for (int64_t j = 0, block = first / 4; j < n; block += kPhiloxBlocks, skip = 0) {
        philox_words(seed_, counter_ + static_cast<uint64_t>(block), words);
        const int64_t count = min_of(kWords - skip, n - j);
        for (int64_t w = 0; w < count; ++w) row[j + w] = words[skip + w] >> 8 >= threshold_ ? scale_ : T(0);
        j += count;
      }
    }
    transpose_panel(rows, n, place.queries, n, panel);
  }

 private:
  double rate_;
  int64_t heads_, queries_, keys_;
  uint64_t seed_, counter_;
  uint32_t threshold_;
  T scale_;
};

}  // namespace nabla::NABLA_ISA
