// The variance of rows, or its root. Segments are read twice: for their mean, then for the squares of the differences
// from it. T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances".
#include <cmath>
#include <cstdint>

#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/fold_rows.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct Variance {
  struct State {
    double count, mean, squares;
  };
  double ddof;
  bool root;

  NABLA_INLINE State empty() const { return {0, 0, 0}; }

  NABLA_INLINE State segment(const T* x, int64_t n) const {
    using V = Vec<T>;
    const T about = sum_terms<T>(x, n, V::zero(), [](V v) { return v; }) / static_cast<T>(n);
    const V center = V::set(about);
    // What rounding left of the differences' sum corrects both results.
    const double rest = static_cast<double>(sum_terms<T>(x, n, center, [&](V v) { return v - center; }));
    const double squares =
        static_cast<double>(sum_terms<T>(x, n, center, [&](V v) { return (v - center) * (v - center); }));
    const double count = static_cast<double>(n);
    return {count, static_cast<double>(about) + rest / count, squares - rest * rest / count};
  }

  NABLA_INLINE State merge(State a, State b) const {
    if (a.count == 0) return b;
    const double count = a.count + b.count, distance = b.mean - a.mean;
    return {count, a.mean + distance * (b.count / count),
            a.squares + b.squares + distance * distance * (a.count * b.count / count)};
  }

  NABLA_INLINE T finish(State state, int64_t n) const {
    const double freedom = static_cast<double>(n) - ddof;
    const double variance = state.squares / (freedom > 0 ? freedom : 0.0);
    return static_cast<T>(root ? std::sqrt(variance) : variance);
  }
};

}  // namespace

void variance(KernelArgs& args) {
  fold_rows(args, 3, [&](auto zero) { return Variance<decltype(zero)>{args.attr[1], args.attr[2] != 0}; });
}

}  // namespace nabla::NABLA_ISA
