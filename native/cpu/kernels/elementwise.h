// What elementwise kernels share: a driver that brings any strides down to runs of contiguous or repeated
// elements, and the loops over such runs.
#pragma once
#include <type_traits>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/strided.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

// out[i] = f(in[0][i], in[1][i], ...) for i < n.
using Run = void (*)(void* out, const void* const* in, int64_t n, const double* attr);

// The loops of one op and dtype: run[mask] reads in[k][0] every time where bit k of the mask is set. Where
// there is no such loop (null), the driver writes the repeated operand out first.
template <int N>
struct Runs {
  Run run[1 << N];
};

// Computes args.out[0] from N inputs of its shape and any strides. Checks shapes; dtypes are the caller's.
void elementwise(KernelArgs& args, const Runs<1>& runs);
void elementwise(KernelArgs& args, const Runs<2>& runs);
void elementwise(KernelArgs& args, const Runs<3>& runs);

// The dtype whose elements a T is. Arithmetic on int32 is done on uint32_t, where overflow wraps.
template <typename T>
constexpr DType kDTypeOf = DType::float32;
template <>
inline constexpr DType kDTypeOf<double> = DType::float64;
template <>
inline constexpr DType kDTypeOf<int32_t> = DType::int32;
template <>
inline constexpr DType kDTypeOf<uint32_t> = DType::int32;
template <>
inline constexpr DType kDTypeOf<uint8_t> = DType::uint8;

// An input of a run: element i, or a vector from i on (n lanes of it when it is a part).
template <typename T, bool repeated>
struct Operand {
  const T* p;
  NABLA_INLINE explicit Operand(const void* data) : p(static_cast<const T*>(data)) {}
  NABLA_INLINE T at(int64_t i) const { return p[i]; }
  NABLA_INLINE Vec<T> load(int64_t i) const { return Vec<T>::load(p + i); }
  NABLA_INLINE Vec<T> load_part(int64_t i, int64_t n) const { return Vec<T>::load_part(p + i, n); }
};
template <typename T>
struct Operand<T, true> {
  T value;
  NABLA_INLINE explicit Operand(const void* data) : value(*static_cast<const T*>(data)) {}
  NABLA_INLINE T at(int64_t) const { return value; }
  NABLA_INLINE Vec<T> load(int64_t) const { return Vec<T>::set(value); }
  NABLA_INLINE Vec<T> load_part(int64_t, int64_t) const { return Vec<T>::set(value); }
};

// out[i] = f(operand[i], ...): f is called with Vec<T> for float and double, else with elements.
template <typename T, typename F, typename... Operands>
NABLA_INLINE void map(void* result, int64_t n, F f, Operands... in) {
  T* __restrict out = static_cast<T*>(result);
  if constexpr (std::is_floating_point_v<T>) {
    constexpr int64_t width = Vec<T>::width;
    int64_t i = 0;
    for (; i + width <= n; i += width) f(in.load(i)...).store(out + i);
    if (i < n) f(in.load_part(i, n - i)...).store_part(out + i, n - i);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(f(in.at(i)...));
  }
}

}  // namespace nabla::NABLA_ISA
