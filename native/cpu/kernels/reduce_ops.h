// What reductions do with their elements. Each operation has the input's type In, the accumulators' type Acc and the
// output's type Out; identity(), combine() of two accumulators or two registers of them, and finish(), which makes an
// output of the accumulated `count` elements.
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

// Integers are summed in unsigned types, so that they wrap.
template <typename In_, typename Acc_ = In_, typename Out_ = In_>
struct Sum {
  using In = In_;
  using Acc = Acc_;
  using Out = Out_;
  NABLA_INLINE static Acc identity() { return Acc(0); }
  template <typename A>
  NABLA_INLINE static A combine(A a, A b) {
    return a + b;
  }
  NABLA_INLINE static Out finish(Acc sum, int64_t) { return static_cast<Out>(sum); }
};

template <typename In_, typename Acc_ = In_, typename Out_ = In_>
struct Mean : Sum<In_, Acc_, Out_> {
  NABLA_INLINE static Out_ finish(Acc_ sum, int64_t count) {
    using Quotient = std::conditional_t<std::is_floating_point_v<Acc_>, Acc_, double>;
    return static_cast<Out_>(static_cast<Quotient>(sum) / static_cast<Quotient>(count));
  }
};

// The greatest element or the least, where NaN beats all.
template <typename T, bool kGreatest>
struct Extreme {
  using In = T;
  using Acc = T;
  using Out = T;
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
  NABLA_INLINE static T finish(T value, int64_t) { return value; }
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
