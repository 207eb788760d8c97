// log(sum(exp(x))) of rows. Exponentials are taken of the difference from a segment's greatest element, so that none
// is too large and not all are too small.
#include "cuda/kernels/fold_rows.h"
#include "cuda/kernels/softmax_rows.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct LogSumExp {
  // sum of exp(x - shift_of(greatest)).
  struct Segment {
    T greatest, sum;
  };
  struct State {
    double greatest, sum;
  };

  // Infinities are no shift: their difference from themselves is NaN.
  template <typename F>
  __device__ static F shift_of(F greatest) {
    return abs_of(greatest) == infinity<F>() ? F(0) : greatest;
  }

  __device__ State empty() const { return {-infinity<double>(), 0}; }

  __device__ Segment segment(const RowSegment<T>& row) const {
    T greatest = -infinity<T>();
    row.read([&](T v) { greatest = greater_of(v, greatest); });
    greatest = row.fold(greatest, GreaterOp());
    const T shift = shift_of(greatest);
    T sum = 0;
    row.read_kept([&](T v) { sum += exp_of(v - shift); });
    return {greatest, row.fold(sum, AddOp())};
  }

  __device__ State state_of(Segment s) const { return {static_cast<double>(s.greatest), static_cast<double>(s.sum)}; }

  __device__ State merge(State a, State b) const {
    if (a.sum == 0) return b;  // the first segment, or nothing but -Infinity so far
    const State great = a.greatest > b.greatest ? a : b, small = a.greatest > b.greatest ? b : a;
    // Nothing but -Infinity (or NaN): the sum is 0 (or NaN) for any shift.
    if (small.greatest == -infinity<double>()) return {great.greatest, great.sum + small.sum};
    return {great.greatest, fma_of(small.sum, exp_of(small.greatest - shift_of(great.greatest)), great.sum)};
  }

  __device__ T finish(Segment s, uint32_t) const { return shift_of(s.greatest) + log_of(s.sum); }
  __device__ T finish(State state, uint32_t) const {
    return static_cast<T>(shift_of(state.greatest) + log_of(state.sum));
  }
};

}  // namespace

void logSumExp(KernelArgs& args) {
  fold_rows(args, 1, [](auto zero) { return LogSumExp<decltype(zero)>{}; });
}

}  // namespace nabla::cuda
