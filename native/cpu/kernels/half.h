// The 16-bit floating-point formats as memory holds them, and their conversion: to float exactly, from wider formats
// rounded once to nearest, ties to even. What is too large becomes infinity, a NaN stays one and is made quiet.
#pragma once
#include <cstdint>
#include <cstring>

#include "core/inline.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

// 8 bits of exponent, 7 of fraction: the upper half of a float.
struct BFloat16 {
  uint16_t bits;
};
// IEEE 754 binary16: 5 bits of exponent, 10 of fraction.
struct Float16 {
  uint16_t bits;
};

template <typename T>
constexpr bool kIsHalf = false;
template <>
inline constexpr bool kIsHalf<BFloat16> = true;
template <>
inline constexpr bool kIsHalf<Float16> = true;

NABLA_INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}
NABLA_INLINE float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

constexpr uint32_t kFloatInfinity = 0x7F800000;
constexpr uint32_t kFloatQuiet = 0x00400000;

NABLA_INLINE float widen(BFloat16 x) { return float_of(uint32_t{x.bits} << 16); }

// condition ? a : 0 and condition ? a : b by masks: of branches around floating-point instructions the compiler makes
// no vector code.
NABLA_INLINE uint32_t if_so(bool condition, uint32_t a) { return a & (uint32_t{0} - condition); }
NABLA_INLINE uint32_t choose(bool condition, uint32_t a, uint32_t b) { return b ^ if_so(condition, a ^ b); }

NABLA_INLINE float widen(Float16 x) {
  const uint32_t magnitude = (x.bits & 0x7FFFu) << 13;
  constexpr uint32_t kInfinity = 0x7C00u << 13;
  // The exponent's bias is 127 instead of 15; the product is exact, also of the denormal numbers.
  uint32_t bits = bits_of(float_of(magnitude) * 0x1p112f);
  bits |= if_so(magnitude >= kInfinity, kFloatInfinity) | if_so(magnitude > kInfinity, kFloatQuiet);
  return float_of((x.bits & 0x8000u) << 16 | bits);
}

template <typename T>
T narrow(float x);

template <>
NABLA_INLINE BFloat16 narrow<BFloat16>(float x) {
  const uint32_t bits = bits_of(x);
  const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  const uint32_t quiet = (bits | kFloatQuiet) >> 16;
  return {static_cast<uint16_t>((bits & 0x7FFFFFFF) > kFloatInfinity ? quiet : rounded)};
}

template <>
NABLA_INLINE Float16 narrow<Float16>(float x) {
  const uint32_t magnitude = bits_of(x) & 0x7FFFFFFF;
  // The carry of the rounding may run into the exponent, up to infinity.
  const uint32_t normal = (magnitude - (112u << 23) + 0xFFF + (magnitude >> 13 & 1)) >> 13;
  // The last bit of floats around 1/2 is worth the smallest denormal number, so that the addition rounds to it.
  const uint32_t denormal = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
  const uint32_t nan = 0x7E00 | (magnitude >> 13 & 0x3FF);
  uint32_t half = choose(magnitude < bits_of(0x1p-14f), denormal, normal);
  half = choose(magnitude >= bits_of(0x1p16f), 0x7C00, half);
  half = choose(magnitude > kFloatInfinity, nan, half);
  return {static_cast<uint16_t>((bits_of(x) >> 16 & 0x8000) | half)};
}

// x as a float, rounded to the neighbour whose last bit is odd: a later rounding to fewer bits is then that of x
// itself.
NABLA_INLINE float round_to_odd(double x) {
  const float nearest = static_cast<float>(x);
  const double back = nearest;
  const uint32_t cut = bits_of(nearest) - (__builtin_fabs(back) > __builtin_fabs(x));
  return float_of(back == x || x != x ? bits_of(nearest) : cut | 1);
}

}  // namespace nabla::NABLA_ISA
