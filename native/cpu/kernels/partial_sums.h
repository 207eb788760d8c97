// The last step of sums over rows whose tasks have added up a part each.
#pragma once
#include <cstdint>

#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/simd/lanes.h"

namespace nabla::NABLA_ISA {

// target[j] = the sum of partial[i * stride + j] over i, for the columns j.
template <typename T>
NABLA_INLINE void add_partial_sums(KernelArgs& args, const T* partial, int64_t count, int64_t stride, T* target,
                                   int64_t columns) {
  using V = Vec<T>;
  constexpr int kChains = 8;
  parallel_ranges(args.pool, columns, 8192 / (count + 1) + 64, [&](int64_t begin, int64_t end) {
    for_lanes<T>(begin, end, [&](int64_t j, auto lanes) {
      V chain[kChains];
      for (int k = 0; k < kChains; ++k) chain[k] = V::zero();
      for (int64_t i = 0; i < count; i += kChains) {
        for (int k = 0; k < kChains && i + k < count; ++k) {
          chain[k] = chain[k] + lanes.load(partial + (i + k) * stride + j);
        }
      }
      for (int k = kChains / 2; k > 0; k /= 2) {
        for (int i = 0; i < k; ++i) chain[i] = chain[i] + chain[i + k];
      }
      lanes.store(target + j, chain[0]);
    });
  });
}

}  // namespace nabla::NABLA_ISA
