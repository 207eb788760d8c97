// CUDA's mathematical functions that <cmath> lacks, in the global namespace.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

using std::isfinite;
using std::isinf;
using std::isnan;
using std::signbit;

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }
inline float rcbrtf(float x) { return 1.0f / std::cbrt(x); }
inline double rcbrt(double x) { return 1.0 / std::cbrt(x); }

// sin and cos of pi * x: exact at multiples of one half.
inline double sinpi(double x) {
  const double r = std::remainder(x, 2.0);  // [-1, 1]
  if (r == 0 || r == 1 || r == -1) return std::copysign(0.0, x);
  const double folded = r > 0.5 ? 1 - r : r < -0.5 ? -1 - r : r;
  return std::sin(folded * 3.14159265358979323846);
}
inline double cospi(double x) {
  const double r = std::fabs(std::remainder(x, 2.0));
  if (r == 0.5) return 0;
  return r < 0.25 ? std::cos(r * 3.14159265358979323846) : std::sin((0.5 - r) * 3.14159265358979323846);
}
inline float sinpif(float x) { return static_cast<float>(sinpi(static_cast<double>(x))); }
inline float cospif(float x) { return static_cast<float>(cospi(static_cast<double>(x))); }
inline void sincospif(float x, float* s, float* c) { *s = sinpif(x), *c = cospif(x); }
inline void sincospi(double x, double* s, double* c) { *s = sinpi(x), *c = cospi(x); }

#define NABLA_EMULATOR_MIN_MAX(type) \
  inline type min(type a, type b) { return b < a ? b : a; } \
  inline type max(type a, type b) { return a < b ? b : a; }
NABLA_EMULATOR_MIN_MAX(int)
NABLA_EMULATOR_MIN_MAX(unsigned)
NABLA_EMULATOR_MIN_MAX(long)
NABLA_EMULATOR_MIN_MAX(unsigned long)
NABLA_EMULATOR_MIN_MAX(long long)
NABLA_EMULATOR_MIN_MAX(unsigned long long)
#undef NABLA_EMULATOR_MIN_MAX
// As CUDA's: a number wins over NaN.
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }

namespace emulator {
template <typename To, typename From>
inline To bits_of(From x) {
  static_assert(sizeof(To) == sizeof(From), "the bits of another type");
  To to;
  std::memcpy(&to, &x, sizeof to);
  return to;
}
}  // namespace emulator

inline int __float_as_int(float x) { return emulator::bits_of<int>(x); }
inline unsigned __float_as_uint(float x) { return emulator::bits_of<unsigned>(x); }
inline float __int_as_float(int x) { return emulator::bits_of<float>(x); }
inline float __uint_as_float(unsigned x) { return emulator::bits_of<float>(x); }
inline long long __double_as_longlong(double x) { return emulator::bits_of<long long>(x); }
inline double __longlong_as_double(long long x) { return emulator::bits_of<double>(x); }
inline int __double2hiint(double x) { return static_cast<int>(emulator::bits_of<uint64_t>(x) >> 32); }
inline int __double2loint(double x) { return static_cast<int>(emulator::bits_of<uint64_t>(x)); }
inline double __hiloint2double(int high, int low) {
  return emulator::bits_of<double>(static_cast<uint64_t>(static_cast<uint32_t>(high)) << 32 |
                                   static_cast<uint32_t>(low));
}

inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return std::sqrt(a); }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) {
  unsigned r = 0;
  for (int i = 0; i < 32; ++i) r |= (x >> i & 1u) << (31 - i);
  return r;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(static_cast<uint64_t>(a) * b >> 32); }
inline int __mulhi(int a, int b) { return static_cast<int>(static_cast<int64_t>(a) * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  const uint64_t both = static_cast<uint64_t>(high) << 32 | low;
  unsigned r = 0;
  for (int i = 0; i < 4; ++i) r |= static_cast<unsigned>(both >> (selector >> 4 * i & 7) * 8 & 0xff) << 8 * i;
  return r;
}
template <typename T>
inline T __ldg(const T* p) {
  return *p;
}

// Conversions to integers saturate and take NaN to 0, as the GPU's do.
namespace emulator {
template <typename Int, typename Float>
inline Int to_integer(Float x) {
  if (std::isnan(x)) return 0;
  constexpr Int least = static_cast<Int>(sizeof(Int) == 4 ? INT32_MIN : INT64_MIN);
  constexpr Int greatest = static_cast<Int>(sizeof(Int) == 4 ? INT32_MAX : INT64_MAX);
  if (x <= static_cast<Float>(least)) return least;
  if (x >= static_cast<Float>(greatest)) return greatest;
  return static_cast<Int>(x);
}
}  // namespace emulator
inline int __float2int_rn(float x) { return emulator::to_integer<int>(std::nearbyint(x)); }
inline int __float2int_rz(float x) { return emulator::to_integer<int>(x); }
inline int __float2int_rd(float x) { return emulator::to_integer<int>(std::floor(x)); }
inline int __double2int_rn(double x) { return emulator::to_integer<int>(std::nearbyint(x)); }
inline int __double2int_rz(double x) { return emulator::to_integer<int>(x); }
inline long long __double2ll_rn(double x) { return emulator::to_integer<long long>(std::nearbyint(x)); }
inline long long __double2ll_rz(double x) { return emulator::to_integer<long long>(x); }
inline float __double2float_rn(double x) { return static_cast<float>(x); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline double __int2double_rn(int x) { return static_cast<double>(x); }
inline float __saturatef(float x) { return std::isnan(x) ? 0.0f : x < 0 ? 0.0f : x > 1 ? 1.0f : x; }
