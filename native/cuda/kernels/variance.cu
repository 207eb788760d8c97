// The variance of rows, or its root. Segments are looked at twice: for their mean, then for the squares of the
// differences from it. T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
// variances".
#include "cuda/kernels/fold_rows.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct Variance {
  struct Segment {
    T count, about, rest, squares;  // rest: what rounding left of the sum of the differences from `about`
  };
  struct State {
    double count, mean, squares;
  };
  double ddof;
  bool root;

  __device__ State empty() const { return {0, 0, 0}; }

  __device__ Segment segment(const RowSegment<T>& row) const {
    const T count = static_cast<T>(row.n);
    T sum = 0;
    row.read([&](T v) { sum += v; });
    const T about = row.fold(sum, AddOp()) / count;
    Two<T> sums = {0, 0};
    row.read_kept([&](T v) {
      const T d = v - about;
      sums = {sums.a + d, fma_of(d, d, sums.b)};
    });
    sums = row.fold(sums, AddTwo());
    return {count, about, sums.a, sums.b - sums.a * (sums.a / count)};
  }

  __device__ State state_of(Segment s) const {
    const double count = static_cast<double>(s.count);
    return {count, static_cast<double>(s.about) + static_cast<double>(s.rest) / count, static_cast<double>(s.squares)};
  }

  __device__ State merge(State a, State b) const {
    if (a.count == 0) return b;
    if (b.count == 0) return a;
    const double count = a.count + b.count, distance = b.mean - a.mean;
    return {count, a.mean + distance * (b.count / count),
            a.squares + b.squares + distance * distance * (a.count * b.count / count)};
  }

  __device__ T finish(Segment s, uint32_t n) const { return finished(s.squares, static_cast<T>(n)); }
  __device__ T finish(State state, uint32_t n) const {
    return static_cast<T>(finished(state.squares, static_cast<double>(n)));
  }

 private:
  template <typename F>
  __device__ F finished(F squares, F count) const {
    const F freedom = count - static_cast<F>(ddof), variance = squares / (freedom > 0 ? freedom : F(0));
    return root ? sqrt_of(variance) : variance;
  }
};

}  // namespace

void variance(KernelArgs& args) {
  fold_rows(args, 3, [&](auto zero) { return Variance<decltype(zero)>{args.attr[1], args.attr[2] != 0}; });
}

}  // namespace nabla::cuda
