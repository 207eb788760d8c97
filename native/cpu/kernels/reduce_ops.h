// What reductions do with their elements. Each operation has the input's type In, the accumulators' type Acc,
// identity() and combine() of two accumulators or two registers of them. What becomes of the accumulated elements of
// an output is another matter (Keep, Quotient): so sum and mean share their loops.
#pragma once
#include <cstdint>
#include <limits>
#include <type_traits>

#include "cpu/simd/lanes.h"

namespace nabla::NABLA_ISA {

// A register with one integer; the compiler makes wider ones of its loops.
template <typename T>
struct IntegerLane {
  static constexpr int width = 1;
  T v;
  NABLA_INLINE static IntegerLane load(const T* p) { return {*p}; }
  NABLA_INLINE static IntegerLane set(T x) { return {x}; }
  NABLA_INLINE void store(T* p) const { *p = v; }
  NABLA_INLINE friend IntegerLane operator+(IntegerLane a, IntegerLane b) { return {static_cast<T>(a.v + b.v)}; }
};

template <typename T>
using Lanes = std::conditional_t<std::is_floating_point_v<T>, Vec<T>, IntegerLane<T>>;

// Integers are summed in 64 bits, which hold any sum of fewer than 2^32 elements.
template <typename T>
struct Sum {
  using In = T;
  using Acc = std::conditional_t<std::is_floating_point_v<T>, T, int64_t>;
  NABLA_INLINE static Acc identity() { return Acc(0); }
  template <typename A>
  NABLA_INLINE static A combine(A a, A b) {
    return a + b;
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
    } else if constexpr (std::is_same_v<A, IntegerLane<T>>) {
      return {combine(a.v, b.v)};
    } else {
      return select(b != b, b, kGreatest ? max(b, a) : min(b, a));
    }
  }
};

// The output is the accumulated value; wider integers wrap.
template <typename Out_>
struct Keep {
  using Out = Out_;
  template <typename Acc>
  NABLA_INLINE static Out finish(Acc value, int64_t) {
    return static_cast<Out>(value);
  }
};

// The output is the accumulated value divided by the number of elements.
template <typename Out_>
struct Quotient {
  using Out = Out_;
  template <typename Acc>
  NABLA_INLINE static Out finish(Acc value, int64_t count) {
    using Real = std::conditional_t<std::is_floating_point_v<Acc>, Acc, double>;
    return static_cast<Out>(static_cast<Real>(value) / static_cast<Real>(count));
  }
};

// Loads into registers of accumulators; the lanes beyond n are the identity.
template <typename Op>
NABLA_INLINE Lanes<typename Op::Acc> load_lanes(const typename Op::In* p) {
  if constexpr (std::is_floating_point_v<typename Op::Acc>) {
    return Vec<typename Op::Acc>::load(p);
  } else {
    return {static_cast<typename Op::Acc>(*p)};
  }
}
template <typename Op>
NABLA_INLINE Lanes<typename Op::Acc> load_lanes(const typename Op::In* p, int64_t n) {
  if constexpr (std::is_floating_point_v<typename Op::Acc>) {
    return load_part(p, n, Vec<typename Op::Acc>::set(Op::identity()));
  } else {
    return load_lanes<Op>(p);  // one lane is never partly filled
  }
}

template <typename Op>
NABLA_INLINE typename Op::Acc fold(Lanes<typename Op::Acc> v) {
  if constexpr (std::is_floating_point_v<typename Op::Acc>) {
    return fold_lanes(v, [](typename Op::Acc a, typename Op::Acc b) { return Op::combine(a, b); });
  } else {
    return v.v;
  }
}

}  // namespace nabla::NABLA_ISA
