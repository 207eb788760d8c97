// What reductions do with their elements: the input's type In, the accumulators' type Acc, identity(), combine() of two
// accumulators (or, of floating-point types, two registers of them), and write(), which makes an output of one. For
// floating-point types result() makes outputs of a register of them.
#pragma once
#include <cstdint>
#include <limits>
#include <type_traits>

#include "cpu/simd/lanes.h"

namespace nabla::NABLA_ISA {

// Where results go, and the number of elements in each.
struct ReduceOutput {
  void* data;
  int64_t count;
  bool mean;  // of a Sum: divide by count
};

// Integers are summed in 64 bits, which hold any sum of fewer than 2^32 elements; their sum is cut to int32 (so it
// wraps), their mean is float32.
template <typename T>
struct Sum {
  static constexpr bool kFloating = std::is_floating_point_v<T>;
  using In = T;
  using Acc = std::conditional_t<kFloating, T, int64_t>;
  NABLA_INLINE static Acc identity() { return Acc(0); }
  template <typename A>
  NABLA_INLINE static A combine(A a, A b) {
    return a + b;
  }
  NABLA_INLINE static Vec<T> result(const ReduceOutput& out, Vec<T> sums) {
    return out.mean ? sums / Vec<T>::set(static_cast<T>(out.count)) : sums;
  }
  NABLA_INLINE static void write(const ReduceOutput& out, int64_t i, Acc sum) {
    if constexpr (kFloating) {
      static_cast<T*>(out.data)[i] = out.mean ? sum / static_cast<T>(out.count) : sum;
    } else if (out.mean) {
      static_cast<float*>(out.data)[i] = static_cast<float>(static_cast<double>(sum) / static_cast<double>(out.count));
    } else {
      static_cast<int32_t*>(out.data)[i] = static_cast<int32_t>(sum);
    }
  }
};

// Integers are multiplied in 32 bits, where the product wraps.
template <typename T>
struct Product {
  static constexpr bool kFloating = std::is_floating_point_v<T>;
  using In = T;
  using Acc = std::conditional_t<kFloating, T, uint32_t>;
  NABLA_INLINE static Acc identity() { return Acc(1); }
  template <typename A>
  NABLA_INLINE static A combine(A a, A b) {
    return a * b;
  }
  NABLA_INLINE static Vec<T> result(const ReduceOutput&, Vec<T> products) { return products; }
  NABLA_INLINE static void write(const ReduceOutput& out, int64_t i, Acc product) {
    static_cast<Acc*>(out.data)[i] = product;
  }
};

// Whether all bools are true, or any is.
template <bool kAll>
struct Truth {
  using In = uint8_t;
  using Acc = uint8_t;
  NABLA_INLINE static uint8_t identity() { return kAll ? 1 : 0; }
  NABLA_INLINE static uint8_t combine(uint8_t a, uint8_t b) { return static_cast<uint8_t>(kAll ? a & b : a | b); }
  NABLA_INLINE static void write(const ReduceOutput& out, int64_t i, uint8_t value) {
    static_cast<uint8_t*>(out.data)[i] = value;
  }
};

// The greatest element or the least, where NaN beats all.
template <typename T, bool kGreatest>
struct Extreme {
  using In = T;
  using Acc = T;
  NABLA_INLINE static T identity() {
    using Limits = std::numeric_limits<T>;
    constexpr T kTop = Limits::has_infinity ? Limits::infinity() : Limits::max();
    constexpr T kBottom = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    return kGreatest ? kBottom : kTop;
  }
  template <typename A>
  NABLA_INLINE static A combine(A a, A b) {
    if constexpr (std::is_same_v<A, T>) {
      // Comparisons with a NaN in `a` are false and leave it there.
      return (kGreatest ? b > a : b < a) || b != b ? b : a;
    } else {
      return select(b != b, b, kGreatest ? max(b, a) : min(b, a));
    }
  }
  NABLA_INLINE static Vec<T> result(const ReduceOutput&, Vec<T> values) { return values; }
  NABLA_INLINE static void write(const ReduceOutput& out, int64_t i, T value) { static_cast<T*>(out.data)[i] = value; }
};

}  // namespace nabla::NABLA_ISA
