// Conversion of numbers between any two dtypes, on the device and the host, as cpu/kernels/convert.h does: to integers,
// a fraction is cut off, what is out of range gives the nearest bound, NaN gives 0; to the 16-bit formats, rounded once
// to nearest, ties to even, what is too large becomes infinity, a NaN stays one and is made quiet.
#pragma once
#include <cstdint>
#include <type_traits>

#include "core/inline.h"
#include "core/tensor_view.h"

namespace nabla::cuda {

// An element of dtype bool: 0 or 1.
struct Bool {
  uint8_t value;
};
// The 16-bit formats as memory holds them: the upper half of a float, and IEEE 754 binary16.
struct BFloat16 {
  uint16_t bits;
};
struct Float16 {
  uint16_t bits;
};

template <typename T>
constexpr bool kIsHalf = std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>;

template <typename To, typename From>
NABLA_INLINE To bit_cast(From x) {
  static_assert(sizeof(To) == sizeof(From), "the sizes differ");
  union {
    From from;
    To to;
  } u = {x};
  return u.to;
}

constexpr uint32_t kFloatInfinity = 0x7F800000, kFloatQuiet = 0x00400000;

NABLA_INLINE float widen(BFloat16 x) { return bit_cast<float>(uint32_t{x.bits} << 16); }
NABLA_INLINE float widen(Float16 x) {
  const uint32_t magnitude = (x.bits & 0x7FFFu) << 13;
  constexpr uint32_t infinity = 0x7C00u << 13;
  // The exponent's bias is 127 instead of 15; the product is exact, also of the denormal numbers.
  uint32_t bits = bit_cast<uint32_t>(bit_cast<float>(magnitude) * 0x1p112f);
  if (magnitude >= infinity) bits |= kFloatInfinity;
  if (magnitude > infinity) bits |= kFloatQuiet;
  return bit_cast<float>((x.bits & 0x8000u) << 16 | bits);
}

template <typename T>
NABLA_INLINE T narrow(float x) {
  const uint32_t bits = bit_cast<uint32_t>(x), magnitude = bits & 0x7FFFFFFF;
  if constexpr (std::is_same_v<T, BFloat16>) {
    const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    return {static_cast<uint16_t>(magnitude > kFloatInfinity ? (bits | kFloatQuiet) >> 16 : rounded)};
  } else {
    // The carry of the rounding may run into the exponent, up to infinity.
    uint32_t half = (magnitude - (112u << 23) + 0xFFF + (magnitude >> 13 & 1)) >> 13;
    // The last bit of floats around 1/2 is worth the smallest denormal number, so that the addition rounds to it.
    if (magnitude < 113u << 23) half = bit_cast<uint32_t>(bit_cast<float>(magnitude) + 0.5f) - (126u << 23);
    if (magnitude >= 143u << 23) half = 0x7C00;
    if (magnitude > kFloatInfinity) half = 0x7E00 | (magnitude >> 13 & 0x3FF);
    return {static_cast<uint16_t>((bits >> 16 & 0x8000) | half)};
  }
}

// x as a float, rounded to the neighbour whose last bit is odd: a later rounding to fewer bits is then that of x
// itself.
NABLA_INLINE float round_to_odd(double x) {
  const float nearest = static_cast<float>(x);
  const double back = nearest;
  const double size = back < 0 ? -back : back, wanted = x < 0 ? -x : x;
  const uint32_t cut = bit_cast<uint32_t>(nearest) - (size > wanted ? 1 : 0);
  return bit_cast<float>(back == x || x != x ? bit_cast<uint32_t>(nearest) : cut | 1);
}

// The least and the greatest value of an integer type.
template <typename T>
constexpr T kLowest = std::is_signed_v<T> ? static_cast<T>(T(1) << (8 * sizeof(T) - 1)) : T(0);
template <typename T>
constexpr T kHighest = static_cast<T>(~kLowest<T>);

template <typename T, typename S>
NABLA_INLINE T saturate(S x) {
  if constexpr (std::is_integral_v<T> && std::is_floating_point_v<S>) {
    // 2^bits is exact in every float type, the highest integer is not.
    constexpr S end = static_cast<S>(kHighest<T> / 2 + 1) * 2;
    constexpr S low = static_cast<S>(kLowest<T>);
    const T y = static_cast<T>(x > low && x < end ? x : S(0));
    return x >= end ? kHighest<T> : x <= low ? kLowest<T> : y;
  } else if constexpr (std::is_integral_v<T> && sizeof(T) < sizeof(S)) {
    return x < S(kLowest<T>) ? kLowest<T> : x > S(kHighest<T>) ? kHighest<T> : static_cast<T>(x);
  } else {
    return static_cast<T>(x);
  }
}

// x as a T; a Bool is whether x is other than 0.
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

}  // namespace nabla::cuda
