// log(sum(exp(x))) of rows. Exponentials are taken of the difference from a segment's greatest element, so that none
// is too large and not all are too small.
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/fold_rows.h"
#include "cpu/kernels/softmax_rows.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct LogSumExp {
  // sum of exp(x - shift_of(greatest)).
  struct State {
    double greatest, sum;
  };

  // Infinities are no shift: their difference from themselves is NaN.
  template <typename F>
  NABLA_INLINE static F shift_of(F greatest) {
    return std::isinf(greatest) ? F(0) : greatest;
  }

  NABLA_INLINE State empty() const { return {-std::numeric_limits<double>::infinity(), 0}; }

  NABLA_INLINE State segment(const T* x, int64_t n) const {
    using V = Vec<T>;
    const T greatest = row_max(x, n);
    const V shift = V::set(shift_of(greatest)), lowest = V::set(-std::numeric_limits<T>::infinity());
    const T sum = sum_terms<T>(x, n, lowest, [&](V v) { return exp(v - shift); });
    return {static_cast<double>(greatest), static_cast<double>(sum)};
  }

  NABLA_INLINE State merge(State a, State b) const {
    if (a.sum == 0) return b;  // the first segment, or nothing but -Infinity so far
    const double greatest = a.greatest > b.greatest ? a.greatest : b.greatest;
    return {greatest, moved(a, greatest) + moved(b, greatest)};
  }

  NABLA_INLINE T finish(State state, int64_t) const {
    // The vectors' logarithm is quicker than the C library's, and as precise as a T.
    const Vec<T> logarithm = log(Vec<T>::set(static_cast<T>(state.sum)));
    return static_cast<T>(shift_of(state.greatest) +
                          static_cast<double>(fold_registers(logarithm, [](Vec<T> a, Vec<T>) { return a; })));
  }

 private:
  NABLA_INLINE static double moved(State state, double greatest) {
    // Nothing but -Infinity (or NaN): the sum is 0 (or NaN) for any shift.
    if (state.greatest == -std::numeric_limits<double>::infinity()) return state.sum;
    return state.sum * std::exp(shift_of(state.greatest) - shift_of(greatest));
  }
};

}  // namespace

void logSumExp(KernelArgs& args) {
  fold_rows(args, 1, [](auto zero) { return LogSumExp<decltype(zero)>{}; });
}

}  // namespace nabla::NABLA_ISA
