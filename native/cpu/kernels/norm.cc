// The p-norm of rows: (sum |x|^p)^(1/p), and the greatest |x| for p = Infinity.
#include <cmath>
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/fold_rows.h"

namespace nabla::NABLA_ISA {
namespace {

enum class Order { one, two, infinity, other };

template <typename T, Order order>
struct Norm {
  using State = double;
  double p;

  NABLA_INLINE State empty() const { return 0; }

  NABLA_INLINE State segment(const T* x, int64_t n) const {
    using V = Vec<T>;
    const V zero = V::zero();
    if constexpr (order == Order::one) {
      return static_cast<State>(sum_terms<T>(x, n, zero, [](V v) { return abs(v); }));
    } else if constexpr (order == Order::two) {
      return static_cast<State>(sum_terms<T>(x, n, zero, [](V v) { return v * v; }));
    } else if constexpr (order == Order::infinity) {
      return greatest(x, n);
    } else {
      State sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += std::pow(std::fabs(static_cast<double>(x[i])), p);
      return sum;
    }
  }

  NABLA_INLINE State merge(State a, State b) const {
    if constexpr (order == Order::infinity) {
      return b > a || b != b ? b : a;
    } else {
      return a + b;
    }
  }

  NABLA_INLINE T finish(State state, int64_t) const {
    if constexpr (order == Order::two) return static_cast<T>(std::sqrt(state));
    if constexpr (order == Order::other) return static_cast<T>(std::pow(state, 1 / p));
    return static_cast<T>(state);
  }

 private:
  // NaN beats all.
  NABLA_INLINE static State greatest(const T* x, int64_t n) {
    using V = Vec<T>;
    V best = V::zero();
    const auto take = [&](V v) { best = select(v != v, v, max(abs(v), best)); };
    int64_t i = 0;
    for (; i + V::width <= n; i += V::width) take(V::load(x + i));
    if (i < n) take(V::load_part(x + i, n - i));
    return static_cast<State>(fold_registers(best, [](V a, V b) { return select(b != b, b, max(b, a)); }));
  }
};

}  // namespace

void norm(KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 2 && args.attr[1] > 0, "the order must be positive");
  const double p = args.attr[1];
  if (p == 1) return fold_rows(args, 2, [&](auto zero) { return Norm<decltype(zero), Order::one>{p}; });
  if (p == 2) return fold_rows(args, 2, [&](auto zero) { return Norm<decltype(zero), Order::two>{p}; });
  if (std::isinf(p)) return fold_rows(args, 2, [&](auto zero) { return Norm<decltype(zero), Order::infinity>{p}; });
  fold_rows(args, 2, [&](auto zero) { return Norm<decltype(zero), Order::other>{p}; });
}

}  // namespace nabla::NABLA_ISA
