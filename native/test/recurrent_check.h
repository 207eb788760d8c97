// Recurrent ops without a state c, against naive loops in float64, with all that their attributes can say. run_op
// checks that the number of threads changes no bit.
#pragma once
#include <cmath>

#include "op_call.h"

namespace nabla_test {

struct RecurrentOptions {
  bool bias, state, mask, backwards, zero_output, dy, dh, dx;
};

struct RecurrentSizes {
  int64_t batch, steps, inputs, units;
};

// What a cell is, for one unit. Sums have a number for each gate.
struct ReferenceCell {
  static constexpr int kMaxGates = 3;
  int64_t gates, bias_rows, kept;  // the last: of the op's output for the gradient
  // The new h from what x and h give, and from h.
  double (*forward)(const double* of_x, const double* of_h, double h);
  // Gradients of both sums from that of the new h; gives the part of that of h that does not go by way of sums.
  double (*backward)(const double* of_x, const double* of_h, double h, double dh, double* d_of_x, double* d_of_h);
  nabla::Kernel op, gradient;
  std::vector<double> more;  // attributes after the common ones
};

using Numbers = std::vector<double>;

struct RecurrentReference {
  const ReferenceCell& cell;
  RecurrentSizes n;
  RecurrentOptions o;
  const Array &x, &w, &u, &bias, &h0, &mask;
  Numbers of_x, of_h;  // of each step, row, gate and unit
  Numbers h, y;        // h with the first ones before

  static double& at(Numbers& v, int64_t i) { return v[static_cast<size_t>(i)]; }
  static Numbers zeros(int64_t count) { return Numbers(static_cast<size_t>(count)); }
  int64_t time(int64_t s) const { return o.backwards ? n.steps - 1 - s : s; }
  bool counts(int64_t s, int64_t b) const { return !o.mask || mask[b * n.steps + time(s)] != 0; }
  int64_t state(int64_t s, int64_t b, int64_t j) const { return (s * n.batch + b) * n.units + j; }
  int64_t sum(int64_t s, int64_t b, int64_t g, int64_t j) const {
    return ((s * n.batch + b) * cell.gates + g) * n.units + j;
  }
  void sums_of(int64_t s, int64_t b, int64_t j, double* x_sums, double* h_sums) {
    for (int64_t g = 0; g < cell.gates; ++g)
      x_sums[g] = at(of_x, sum(s, b, g, j)), h_sums[g] = at(of_h, sum(s, b, g, j));
  }

  void forward() {
    const int64_t H = n.units, width = cell.gates * H;
    of_x = zeros(n.steps * n.batch * width), of_h = of_x, y = zeros(n.batch * n.steps * H);
    h = zeros((n.steps + 1) * n.batch * H);
    for (int64_t i = 0; i < n.batch * H && o.state; ++i) at(h, i) = h0[i];
    for (int64_t s = 0; s < n.steps; ++s) {
      for (int64_t b = 0; b < n.batch; ++b) {
        for (int64_t q = 0; q < width; ++q) {
          double& x_sum = at(of_x, (s * n.batch + b) * width + q);
          double& h_sum = at(of_h, (s * n.batch + b) * width + q);
          if (o.bias) x_sum = bias[q];
          if (o.bias && cell.bias_rows == 2) h_sum = bias[width + q];
          for (int64_t k = 0; k < n.inputs; ++k) x_sum += x[(b * n.steps + time(s)) * n.inputs + k] * w[k * width + q];
          for (int64_t k = 0; k < H; ++k) h_sum += at(h, state(s, b, k)) * u[k * width + q];
        }
        for (int64_t j = 0; j < H; ++j) {
          const int64_t next = state(s + 1, b, j), before = state(s, b, j), place = (b * n.steps + s) * H + j;
          if (!counts(s, b)) {
            at(h, next) = at(h, before);
            at(y, place) = o.zero_output || s == 0 ? 0 : at(y, place - H);
            continue;
          }
          double x_sums[ReferenceCell::kMaxGates], h_sums[ReferenceCell::kMaxGates];
          sums_of(s, b, j, x_sums, h_sums);
          at(y, place) = at(h, next) = cell.forward(x_sums, h_sums, at(h, before));
        }
      }
    }
  }

  struct Gradients {
    Numbers dx, dw, du, dbias, dh0;
  };
  Gradients backward(const Array& dy, const Array& dh_last) {
    const int64_t H = n.units, B = n.batch, width = cell.gates * H;
    Gradients d{zeros(x.size()), zeros(w.size()), zeros(u.size()), zeros(cell.bias_rows * width), zeros(B * H)};
    Numbers& dh = d.dh0;
    for (int64_t i = 0; i < B * H; ++i) at(dh, i) = o.dh ? dh_last[i] : 0;
    for (int64_t s = n.steps - 1; s >= 0; --s) {
      for (int64_t b = 0; b < B; ++b) {
        bool started = counts(s, b);
        for (int64_t earlier = 0; earlier < s && !o.zero_output; ++earlier) started = started || counts(earlier, b);
        Numbers d_of_x = zeros(width), d_of_h = zeros(width);
        for (int64_t j = 0; j < H; ++j) {
          if (o.dy && started) at(dh, b * H + j) += dy[(b * n.steps + s) * H + j];
          if (!counts(s, b)) continue;
          constexpr int kMax = ReferenceCell::kMaxGates;
          double x_sums[kMax], h_sums[kMax], dx_sums[kMax], dh_sums[kMax];
          sums_of(s, b, j, x_sums, h_sums);
          double& own = at(dh, b * H + j);
          own = cell.backward(x_sums, h_sums, at(h, state(s, b, j)), own, dx_sums, dh_sums);
          for (int64_t g = 0; g < cell.gates; ++g) {
            at(d_of_x, g * H + j) = dx_sums[g], at(d_of_h, g * H + j) = dh_sums[g];
          }
        }
        if (!counts(s, b)) continue;
        for (int64_t q = 0; q < width; ++q) {
          at(d.dbias, q) += at(d_of_x, q);
          if (cell.bias_rows == 2) at(d.dbias, width + q) += at(d_of_h, q);
          for (int64_t k = 0; k < n.inputs; ++k) {
            const int64_t place = (b * n.steps + time(s)) * n.inputs + k;
            at(d.dx, place) += at(d_of_x, q) * w[k * width + q];
            at(d.dw, k * width + q) += at(d_of_x, q) * x[place];
          }
          for (int64_t k = 0; k < H; ++k) {
            at(dh, b * H + k) += at(d_of_h, q) * u[k * width + q];
            at(d.du, k * width + q) += at(d_of_h, q) * at(h, state(s, b, k));
          }
        }
      }
    }
    return d;
  }
};

// A sum of K products is off by some K^(1/2) roundings; a state passes them on to the next, diminished by the gates.
// Each gradient adds up to steps * batch of these. `scale` is the largest number of the result.
inline void check_close(const Array& got, const Numbers& want, const RecurrentSizes& n) {
  double scale = 1;
  for (double value : want) scale = std::fmax(scale, std::fabs(value));
  const double roundings = 8 + 4 * std::sqrt(static_cast<double>(n.inputs + 4 * n.units + n.steps * n.batch));
  const double tolerance = scale * roundings * (got.dtype() == DType::float32 ? 0x1p-24 : 0x1p-53);
  bool inside = true;
  for (int64_t i = 0; i < got.size(); ++i) {
    inside = inside && std::fabs(got[i] - want[static_cast<size_t>(i)]) <= tolerance;
  }
  if (!CHECK(inside)) {
    std::printf("    batch %lld, steps %lld, inputs %lld, units %lld\n", static_cast<long long>(n.batch),
                static_cast<long long>(n.steps), static_cast<long long>(n.inputs), static_cast<long long>(n.units));
  }
}

inline void check_recurrent(const ReferenceCell& cell, DType dtype, const RecurrentSizes& n, const RecurrentOptions& o,
                            uint64_t seed) {
  if (!in_sample(5)) return;
  const int64_t B = n.batch, S = n.steps, H = n.units, width = cell.gates * H;
  Array x = random_array(dtype, {B, S, n.inputs}, seed), bias = random_array(dtype, {cell.bias_rows, width}, seed + 1);
  // Weights as an initializer draws them: otherwise all gates are saturated.
  const double limit = std::sqrt(3.0 / static_cast<double>(n.inputs + H + 1));
  const auto weights = [&](int64_t rows, uint64_t s) {
    return Array(dtype, {rows, width},
                 [&](int64_t i) { return limit * (2 * fraction(s, static_cast<uint64_t>(i)) - 1); });
  };
  Array w = weights(n.inputs, seed + 2), u = weights(H, seed + 3), h0 = random_array(dtype, {B, H}, seed + 4);
  Array mask(DType::boolean, {B, S}, [&](int64_t i) { return fraction(seed + 6, static_cast<uint64_t>(i)) < 0.6; });
  Array h(dtype, {B, H}), y(dtype, {B, S, H}), reserve(dtype, {S, B, cell.kept * H});
  std::vector<nabla::TensorView> in = {x.view(), w.view(), u.view()};
  if (o.bias) in.push_back(bias.view());
  if (o.state) in.push_back(h0.view());
  if (o.mask) in.push_back(mask.view());
  const auto flag = [](bool on) { return on ? 1.0 : 0.0; };
  const auto attributes = [&](std::vector<double> first) {
    first.insert(first.end(), cell.more.begin(), cell.more.end());
    return first;
  };
  std::vector<double> attr =
      attributes({flag(o.bias), flag(o.state), flag(o.mask), flag(o.backwards), flag(o.zero_output), 1, 1});
  run_op(cell.op, in, {&h, &y, &reserve}, attr);
  RecurrentReference reference{cell, n, o, x, w, u, bias, h0, mask, {}, {}, {}, {}};
  reference.forward();
  check_close(h, Numbers(reference.h.end() - B * H, reference.h.end()), n);
  check_close(y, reference.y, n);

  // Without what the gradient needs and without y, to the same bits.
  Array h_alone(dtype, {B, H});
  attr[5] = attr[6] = 0;
  run_op(cell.op, in, {&h_alone}, attr);
  CHECK(h_alone.same_bits(h));

  Array dy = random_array(dtype, {B, S, H}, seed + 7), dh = random_array(dtype, {B, H}, seed + 8);
  in = {x.view(), w.view(), u.view()};
  if (o.state) in.push_back(h0.view());
  if (o.mask) in.push_back(mask.view());
  in.push_back(reserve.view());
  if (o.dy) in.push_back(dy.view());
  if (o.dh) in.push_back(dh.view());
  Array dx(dtype, {B, S, n.inputs}), dw(dtype, {n.inputs, width}), du(dtype, {H, width});
  Array dbias(dtype, {cell.bias_rows, width}), dh0(dtype, {B, H});
  std::vector<Array*> out;
  if (o.dx) out.push_back(&dx);
  out.push_back(&dw), out.push_back(&du);
  if (o.bias) out.push_back(&dbias);
  if (o.state) out.push_back(&dh0);
  run_op(cell.gradient, in, out,
         attributes({flag(o.bias), flag(o.state), flag(o.mask), flag(o.backwards), flag(o.zero_output), flag(o.dy),
                     flag(o.dh), flag(o.dx)}));
  const RecurrentReference::Gradients d = reference.backward(dy, dh);
  if (o.dx) check_close(dx, d.dx, n);
  check_close(dw, d.dw, n);
  check_close(du, d.du, n);
  if (o.bias) check_close(dbias, d.dbias, n);
  if (o.state) check_close(dh0, d.dh0, n);
}

constexpr RecurrentOptions kRecurrentOptions[] = {
    {true, false, false, false, false, true, true, true}, {false, false, false, false, false, true, false, false},
    {true, true, false, false, false, true, true, true},  {false, true, true, false, false, true, true, true},
    {true, false, true, true, false, true, false, true},  {true, true, true, true, true, true, true, false},
    {true, false, false, true, false, false, true, true}, {true, true, true, false, true, true, false, true},
};
// Empty and single ones, primes, tails of every vector.
constexpr RecurrentSizes kSmallSizes[] = {{3, 4, 5, 2}, {1, 1, 1, 1},  {2, 0, 3, 4},   {0, 3, 2, 4},  {4, 3, 0, 5},
                                          {2, 5, 3, 7}, {5, 7, 3, 33}, {17, 5, 9, 40}, {1, 6, 13, 64}};
// The weights of these do not fit a core's cache.
constexpr RecurrentSizes kLargeSizes[] = {{61, 3, 70, 210}, {2, 4, 301, 250}, {15, 3, 45, 352}};

inline void check_recurrent_sizes(const ReferenceCell& cell) {
  uint64_t seed = 1;
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const RecurrentSizes& n : kSmallSizes) {
      for (const RecurrentOptions& o : kRecurrentOptions) check_recurrent(cell, dtype, n, o, seed += 10);
    }
    for (const RecurrentSizes& n : kLargeSizes) {
      for (const RecurrentOptions& o : {kRecurrentOptions[2], kRecurrentOptions[5]}) {
        check_recurrent(cell, dtype, n, o, seed += 10);
      }
    }
  }
}

}  // namespace nabla_test
