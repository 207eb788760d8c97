// Conversion of numbers between any two dtypes.
#pragma once
#include <cstdint>
#include <type_traits>

#include "core/inline.h"
#include "cpu/kernels/half.h"
#include "cpu/kernels/saturate.h"

namespace nabla::NABLA_ISA {

// An element of dtype bool: 0 or 1.
struct Bool {
  uint8_t value;
};

// x as a T: as saturate() does, rounded once to a 16-bit T; a Bool is whether x is other than 0.
template <typename T, typename S>
NABLA_INLINE T convert(S x) {
  if constexpr (kIsHalf<S>) {
    return convert<T>(widen(x));
  } else if constexpr (std::is_same_v<T, Bool>) {
    return {x != S(0)};
  } else if constexpr (kIsHalf<T>) {
    // float holds every uint8_t, but not every int32_t.
    if constexpr (std::is_same_v<S, float> || sizeof(S) < sizeof(float)) {
      return narrow<T>(static_cast<float>(x));
    } else {
      return narrow<T>(round_to_odd(static_cast<double>(x)));
    }
  } else {
    return saturate<T>(x);
  }
}

}  // namespace nabla::NABLA_ISA
