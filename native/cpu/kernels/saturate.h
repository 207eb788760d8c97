// Conversion of numbers between dtypes.
#pragma once
#include <cstdint>
#include <type_traits>

#include "core/inline.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

// The least and the greatest value of an integer type.
template <typename T>
constexpr T kLowest = std::is_signed_v<T> ? static_cast<T>(T(1) << (8 * sizeof(T) - 1)) : T(0);
template <typename T>
constexpr T kHighest = static_cast<T>(~kLowest<T>);

// x as a T. To integers, a fraction is cut off, what is out of range gives the nearest bound, NaN gives 0.
template <typename T, typename S>
NABLA_INLINE T saturate(S x) {
  if constexpr (std::is_integral_v<T> && std::is_floating_point_v<S>) {
    // 2^bits is exact in every float type, the highest integer is not.
    constexpr S end = static_cast<S>(kHighest<T> / 2 + 1) * 2;
    constexpr S low = static_cast<S>(kLowest<T>);
    const bool above = x >= end;
    const bool below = x <= low;
    const bool inside = x > low && x < end;
    const T y = static_cast<T>(inside ? x : S(0));
    return above ? kHighest<T> : below ? kLowest<T> : y;
  } else if constexpr (std::is_integral_v<T> && sizeof(T) < sizeof(S)) {
    return x < S(kLowest<T>) ? kLowest<T> : x > S(kHighest<T>) ? kHighest<T> : static_cast<T>(x);
  } else {
    return static_cast<T>(x);
  }
}

}  // namespace nabla::NABLA_ISA
