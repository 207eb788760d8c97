// lstm and lstmGrad against naive loops in float64, with all that their attributes can say, on shapes of either cut;
// run_op checks that the number of threads changes no bit.
#include <cmath>

#include "op_call.h"

using namespace nabla_test;

namespace {

struct Options {
  bool bias, state, mask, backwards, zero_output, dy, dh, dc, dx;
};

struct Sizes {
  int64_t batch, steps, inputs, units;
};

using Numbers = std::vector<double>;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The plain definition: one number after another.
struct Reference {
  Sizes n;
  Options o;
  const Array &x, &w, &u, &bias, &h0, &c0, &mask;
  Numbers gates, c, h;  // of each step and row; c and h with the first ones before
  Numbers y;

  static double& at(Numbers& v, int64_t i) { return v[static_cast<size_t>(i)]; }
  static Numbers zeros(int64_t count) { return Numbers(static_cast<size_t>(count)); }
  int64_t time(int64_t s) const { return o.backwards ? n.steps - 1 - s : s; }
  bool counts(int64_t s, int64_t b) const { return !o.mask || mask[b * n.steps + time(s)] != 0; }
  int64_t state(int64_t s, int64_t b, int64_t j) const { return (s * n.batch + b) * n.units + j; }

  void forward() {
    const int64_t H = n.units;
    gates = zeros(n.steps * n.batch * 4 * H), y = zeros(n.batch * n.steps * H);
    c = zeros((n.steps + 1) * n.batch * H), h = c;
    for (int64_t i = 0; i < n.batch * H && o.state; ++i) at(h, i) = h0[i], at(c, i) = c0[i];
    for (int64_t s = 0; s < n.steps; ++s) {
      for (int64_t b = 0; b < n.batch; ++b) {
        for (int64_t j = 0; j < H; ++j) {
          const int64_t next = state(s + 1, b, j), before = state(s, b, j), place = (b * n.steps + s) * H + j;
          if (!counts(s, b)) {
            at(c, next) = at(c, before), at(h, next) = at(h, before);
            at(y, place) = o.zero_output || s == 0 ? 0 : at(y, place - H);
            continue;
          }
          double z[4];
          for (int64_t g = 0; g < 4; ++g) {
            z[g] = o.bias ? bias[g * H + j] : 0;
            for (int64_t k = 0; k < n.inputs; ++k) {
              z[g] += x[(b * n.steps + time(s)) * n.inputs + k] * w[k * 4 * H + g * H + j];
            }
            for (int64_t k = 0; k < H; ++k) z[g] += at(h, state(s, b, k)) * u[k * 4 * H + g * H + j];
            z[g] = g == 2 ? std::tanh(z[g]) : sigmoid(z[g]);
            at(gates, ((s * n.batch + b) * 4 + g) * H + j) = z[g];
          }
          at(c, next) = z[1] * at(c, before) + z[0] * z[2];
          at(h, next) = z[3] * std::tanh(at(c, next));
          at(y, place) = at(h, next);
        }
      }
    }
  }

  struct Gradients {
    Numbers dx, dw, du, dbias, dh0, dc0;
  };
  Gradients backward(const Array& dy, const Array& dh_last, const Array& dc_last) {
    const int64_t H = n.units, B = n.batch;
    Gradients d{zeros(x.size()), zeros(w.size()), zeros(u.size()), zeros(4 * H), zeros(B * H), zeros(B * H)};
    Numbers &dh = d.dh0, &dc = d.dc0;
    for (int64_t i = 0; i < B * H; ++i) at(dh, i) = o.dh ? dh_last[i] : 0, at(dc, i) = o.dc ? dc_last[i] : 0;
    for (int64_t s = n.steps - 1; s >= 0; --s) {
      for (int64_t b = 0; b < B; ++b) {
        bool started = counts(s, b);
        for (int64_t earlier = 0; earlier < s && !o.zero_output; ++earlier) started = started || counts(earlier, b);
        Numbers dz = zeros(4 * H), before = zeros(H);
        for (int64_t j = 0; j < H; ++j) {
          if (o.dy && started) at(dh, b * H + j) += dy[(b * n.steps + s) * H + j];
          if (!counts(s, b)) continue;
          const auto gate = [&](int64_t g) { return at(gates, ((s * B + b) * 4 + g) * H + j); };
          const double i = gate(0), f = gate(1), g = gate(2), out = gate(3), t = std::tanh(at(c, state(s + 1, b, j)));
          const double slope = at(dc, b * H + j) + at(dh, b * H + j) * out * (1 - t * t);
          at(dz, j) = slope * g * i * (1 - i);
          at(dz, H + j) = slope * at(c, state(s, b, j)) * f * (1 - f);
          at(dz, 2 * H + j) = slope * i * (1 - g * g);
          at(dz, 3 * H + j) = at(dh, b * H + j) * t * out * (1 - out);
          at(dc, b * H + j) = slope * f;
        }
        if (!counts(s, b)) continue;
        for (int64_t q = 0; q < 4 * H; ++q) {
          at(d.dbias, q) += at(dz, q);
          for (int64_t k = 0; k < n.inputs; ++k) {
            const int64_t place = (b * n.steps + time(s)) * n.inputs + k;
            at(d.dx, place) += at(dz, q) * w[k * 4 * H + q];
            at(d.dw, k * 4 * H + q) += at(dz, q) * x[place];
          }
          for (int64_t k = 0; k < H; ++k) {
            at(before, k) += at(dz, q) * u[k * 4 * H + q];
            at(d.du, k * 4 * H + q) += at(dz, q) * at(h, state(s, b, k));
          }
        }
        for (int64_t j = 0; j < H; ++j) at(dh, b * H + j) = at(before, j);
      }
    }
    return d;
  }
};

// A sum of K products is off by some K^(1/2) roundings; a state passes them on to the next, diminished by the gates.
// Each gradient adds up to steps * batch of these. `scale` is the largest number of the result.
void check_close(const Array& got, const Numbers& want, const Sizes& n) {
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

void check_lstm(DType dtype, const Sizes& n, const Options& o, uint64_t seed) {
  if (!in_sample(3)) return;
  const int64_t B = n.batch, S = n.steps, H = n.units;
  Array x = random_array(dtype, {B, S, n.inputs}, seed), bias = random_array(dtype, {4 * H}, seed + 1);
  // Weights as an initializer draws them: otherwise all gates are saturated.
  const double limit = std::sqrt(3.0 / static_cast<double>(n.inputs + H + 1));
  const auto weights = [&](int64_t rows, uint64_t s) {
    return Array(dtype, {rows, 4 * H},
                 [&](int64_t i) { return limit * (2 * fraction(s, static_cast<uint64_t>(i)) - 1); });
  };
  Array w = weights(n.inputs, seed + 2), u = weights(H, seed + 3);
  Array h0 = random_array(dtype, {B, H}, seed + 4), c0 = random_array(dtype, {B, H}, seed + 5);
  Array mask(DType::boolean, {B, S}, [&](int64_t i) { return fraction(seed + 6, static_cast<uint64_t>(i)) < 0.6; });
  Array h(dtype, {B, H}), c(dtype, {B, H}), y(dtype, {B, S, H}), reserve(dtype, {S, B, 6 * H});
  std::vector<nabla::TensorView> in = {x.view(), w.view(), u.view()};
  if (o.bias) in.push_back(bias.view());
  if (o.state) in.push_back(h0.view()), in.push_back(c0.view());
  if (o.mask) in.push_back(mask.view());
  const auto flag = [](bool on) { return on ? 1.0 : 0.0; };
  std::vector<double> attr = {flag(o.bias), flag(o.state), flag(o.mask), flag(o.backwards), flag(o.zero_output), 1, 1};
  run_op(isa::lstm, in, {&h, &c, &y, &reserve}, attr);
  Reference reference{n, o, x, w, u, bias, h0, c0, mask, {}, {}, {}, {}};
  reference.forward();
  const auto last = [&](const Numbers& states) { return Numbers(states.end() - B * H, states.end()); };
  check_close(h, last(reference.h), n);
  check_close(c, last(reference.c), n);
  check_close(y, reference.y, n);

  // Without what the gradient needs and without y, to the same bits.
  Array h_alone(dtype, {B, H}), c_alone(dtype, {B, H});
  attr[5] = attr[6] = 0;
  run_op(isa::lstm, in, {&h_alone, &c_alone}, attr);
  CHECK(h_alone.same_bits(h) && c_alone.same_bits(c));

  Array dy = random_array(dtype, {B, S, H}, seed + 7), dh = random_array(dtype, {B, H}, seed + 8);
  Array dc = random_array(dtype, {B, H}, seed + 9);
  in = {x.view(), w.view(), u.view()};
  if (o.state) in.push_back(h0.view()), in.push_back(c0.view());
  if (o.mask) in.push_back(mask.view());
  in.push_back(reserve.view());
  if (o.dy) in.push_back(dy.view());
  if (o.dh) in.push_back(dh.view());
  if (o.dc) in.push_back(dc.view());
  Array dx(dtype, {B, S, n.inputs}), dw(dtype, {n.inputs, 4 * H}), du(dtype, {H, 4 * H}), dbias(dtype, {4 * H});
  Array dh0(dtype, {B, H}), dc0(dtype, {B, H});
  std::vector<Array*> out;
  if (o.dx) out.push_back(&dx);
  out.push_back(&dw), out.push_back(&du);
  if (o.bias) out.push_back(&dbias);
  if (o.state) out.push_back(&dh0), out.push_back(&dc0);
  run_op(isa::lstmGrad, in, out,
         {flag(o.bias), flag(o.state), flag(o.mask), flag(o.backwards), flag(o.zero_output), flag(o.dy), flag(o.dh),
          flag(o.dc), flag(o.dx)});
  const Reference::Gradients d = reference.backward(dy, dh, dc);
  if (o.dx) check_close(dx, d.dx, n);
  check_close(dw, d.dw, n);
  check_close(du, d.du, n);
  if (o.bias) check_close(dbias, d.dbias, n);
  if (o.state) check_close(dh0, d.dh0, n), check_close(dc0, d.dc0, n);
}

constexpr Options kPlain = {true, false, false, false, false, true, true, false, true};
constexpr Options kOptions[] = {
    kPlain,
    {false, false, false, false, false, true, false, false, false},
    {true, true, false, false, false, true, true, true, true},
    {false, true, true, false, false, true, true, true, true},
    {true, false, true, true, false, true, false, true, true},
    {true, true, true, true, true, true, true, true, false},
    {true, false, false, true, false, false, true, false, true},
    {true, true, true, false, true, true, false, false, true},
};

// Empty and single ones, primes, tails of every vector.
constexpr Sizes kSmall[] = {{3, 4, 5, 2}, {1, 1, 1, 1},  {2, 0, 3, 4},   {0, 3, 2, 4},   {4, 3, 0, 5},   {3, 2, 7, 0},
                            {2, 5, 3, 7}, {5, 7, 3, 33}, {17, 5, 9, 40}, {1, 6, 13, 64}, {31, 3, 20, 17}};
// The weights of these do not fit a core's cache: steps are cut by units, and batches of more than 56 rows too.
constexpr Sizes kLarge[] = {{61, 3, 70, 150}, {2, 4, 301, 180}, {15, 3, 11, 401}, {15, 3, 45, 224}};

NABLA_TEST(small_shapes) {
  uint64_t seed = 1;
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const Sizes& n : kSmall) {
      for (const Options& o : kOptions) check_lstm(dtype, n, o, seed += 10);
    }
  }
}

NABLA_TEST(large_weights) {
  uint64_t seed = 7001;
  for (DType dtype : {DType::float32, DType::float64}) {
    for (const Sizes& n : kLarge) {
      for (const Options& o : {kOptions[2], kOptions[5]}) check_lstm(dtype, n, o, seed += 10);
    }
  }
}

#if !defined(NABLA_ISA_CUDA)
// The gradients of the sums take more than 16 MiB: a CPU writes them past its caches.
NABLA_TEST(many_steps) { check_lstm(DType::float32, {128, 257, 2, 32}, kOptions[2], 9001); }
#endif

NABLA_TEST(refuses_what_does_not_fit) {
  const DType f32 = DType::float32;
  Array x(f32, {2, 3, 4}), w(f32, {4, 20}), u(f32, {5, 20}), bias(f32, {20}), state(f32, {2, 5}), h(f32, {2, 5});
  Array c(f32, {2, 5}), wide(DType::float64, {2, 5}), mask(f32, {2, 3});
  const auto refused = [&](const std::vector<nabla::TensorView>& in, const std::vector<Array*>& out,
                           const std::vector<double>& attr) {
    return !error_of(isa::lstm, in, out, attr, nabla::ErrorKind::native).empty();
  };
  const std::vector<double> plain = {0, 0, 0, 0, 0, 0, 0}, with_bias = {1, 0, 0, 0, 0, 0, 0};
  CHECK(!refused({x.view(), w.view(), u.view()}, {&h, &c}, plain));
  CHECK(!refused({x.view(), w.view(), u.view(), bias.view()}, {&h, &c}, with_bias));
  CHECK(refused({x.view(), w.view(), u.view()}, {&h, &c}, with_bias));
  CHECK(refused({x.view(), w.view(), u.view(), bias.view()}, {&h, &c}, plain));
  CHECK(refused({x.view(), w.view(), u.view()}, {&h, &c}, {0, 0, 0}));
  CHECK(refused({x.view(), u.view(), u.view()}, {&h, &c}, plain));
  CHECK(refused({w.view(), w.view(), u.view()}, {&h, &c}, plain));
  CHECK(refused({x.view(), w.view(), u.view()}, {&h}, plain));
  CHECK(refused({x.view(), w.view(), u.view()}, {&h, &wide}, plain));
  CHECK(refused({x.view(), w.view(), u.view()}, {&h, &c}, {0, 0, 0, 0, 0, 1, 0}));
  CHECK(refused({x.view(), w.view(), u.view(), state.view()}, {&h, &c}, {0, 1, 0, 0, 0, 0, 0}));
  CHECK(refused({x.view(), w.view(), u.view(), mask.view()}, {&h, &c}, {0, 0, 1, 0, 0, 0, 0}));
}

}  // namespace

NABLA_TEST_MAIN
