// The p-norm of rows: (sum |x|^p)^(1/p), and the greatest |x| for p = Infinity.
#include <cmath>

#include "cuda/kernels/fold_rows.h"

namespace nabla::cuda {
namespace {

enum class Order { one, two, infinity };

// NaN beats all.
struct GreatestOp {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return b > a || b != b ? b : a;
  }
};

template <typename T>
struct Norm {
  using Segment = T;
  using State = double;
  Order order;

  __device__ State empty() const { return 0; }

  __device__ Segment segment(const RowSegment<T>& row) const {
    T result = 0;
    if (order == Order::infinity) {
      row.read([&](T v) { result = GreatestOp()(result, abs_of(v)); });
      return row.fold(result, GreatestOp());
    }
    row.read([&](T v) { result = order == Order::one ? result + abs_of(v) : fma_of(v, v, result); });
    return row.fold(result, AddOp());
  }

  __device__ State state_of(Segment s) const { return static_cast<State>(s); }
  __device__ State merge(State a, State b) const { return order == Order::infinity ? GreatestOp()(a, b) : a + b; }

  template <typename F>
  __device__ T finish(F value, uint32_t) const {
    return static_cast<T>(order == Order::two ? sqrt_of(value) : value);
  }
};

// Of any other order: in double, which has room for the powers.
template <typename T>
struct PowerNorm {
  struct Segment {
    double sum;
  };
  using State = double;
  double p;

  __device__ State empty() const { return 0; }

  __device__ Segment segment(const RowSegment<T>& row) const {
    double sum = 0;
    row.read([&](T v) { sum += ::pow(abs_of(static_cast<double>(v)), p); });
    return {row.fold(sum, AddOp())};
  }

  __device__ State state_of(Segment s) const { return s.sum; }
  __device__ State merge(State a, State b) const { return a + b; }
  __device__ T finish(Segment s, uint32_t n) const { return finish(s.sum, n); }
  __device__ T finish(State sum, uint32_t) const { return static_cast<T>(::pow(sum, 1 / p)); }
};

}  // namespace

void norm(KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 2 && args.attr[1] > 0, "the order must be positive");
  const double p = args.attr[1];
  if (p == 1 || p == 2 || std::isinf(p)) {
    const Order order = p == 1 ? Order::one : p == 2 ? Order::two : Order::infinity;
    fold_rows(args, 2, [&](auto zero) { return Norm<decltype(zero)>{order}; });
  } else {
    fold_rows(args, 2, [&](auto zero) { return PowerNorm<decltype(zero)>{p}; });
  }
}

}  // namespace nabla::cuda
