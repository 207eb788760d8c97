// scaledDotProductAttention and its gradient against naive float64 loops over the whole matrix of scores.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/philox.h"
#include "cpu/simd/exp2.h"
#include "op_call.h"

using namespace nabla_test;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

enum class MaskKind { none, boolean, additive };
enum class Layout { heads_first, length_first };  // how q, k and v lie in memory

struct Case {
  int64_t batch, heads, key_heads, queries, keys, size, value_size;
  bool causal = false;
  MaskKind mask = MaskKind::none;
  std::vector<bool> mask_axes = {true, true, true, true};  // false: broadcast by stride 0
  std::vector<int> lengths = {};
  double rate = 0;
  Layout layout = Layout::heads_first;
  double scale = 0.3;
};

bool is_tf32() {
#if defined(NABLA_ISA_CUDA)
  return allow_tf32();
#else
  return false;
#endif
}

double unit_of(DType dtype) {
  if (dtype == DType::float64) return 0x1p-53;
  // Inputs rounded to tf32 have errors of half of 2^-10; the bounds below add up many that do not all go one way.
  return is_tf32() ? 0x1p-14 : 0x1p-24;
}

// [B, H, L, size], with the elements of f in this order, whatever the layout.
struct HeadTensor {
  Array data;
  nabla::TensorView view;
  std::vector<double> value;

  HeadTensor(DType dtype, const Shape& shape, Layout layout, uint64_t seed)
      : data(random_array(dtype, layout == Layout::heads_first ? shape : Shape{shape[0], shape[2], shape[1], shape[3]},
                          seed)),
        view(data.view()) {
    if (layout == Layout::length_first) {
      std::swap(view.shape[1], view.shape[2]);
      std::swap(view.stride[1], view.stride[2]);
    }
    for (int64_t b = 0; b < shape[0]; ++b) {
      for (int64_t h = 0; h < shape[1]; ++h) {
        for (int64_t i = 0; i < shape[2]; ++i) {
          for (int64_t d = 0; d < shape[3]; ++d) {
            value.push_back(data[b * view.stride[0] + h * view.stride[1] + i * view.stride[2] + d]);
          }
        }
      }
    }
  }
};

struct Problem {
  const Case& c;
  DType dtype;
  HeadTensor q, k, v;
  Array mask, lengths;
  nabla::TensorView mask_view;
  Array dy;  // [B, Lq, Hq, Dv]

  Problem(const Case& given, DType type)
      : c(given),
        dtype(type),
        q(type, {c.batch, c.heads, c.queries, c.size}, c.layout, 1),
        k(type, {c.batch, c.key_heads, c.keys, c.size}, c.layout, 2),
        v(type, {c.batch, c.key_heads, c.keys, c.value_size}, c.layout, 3),
        mask(c.mask == MaskKind::boolean ? DType::boolean : type, mask_shape(),
             [&](int64_t i) {
               const double x = fraction(4, static_cast<uint64_t>(i));
               return c.mask == MaskKind::boolean ? (x < 0.7 ? 1.0 : 0.0) : x < 0.2 ? -kInf : 2 * x;
             }),
        lengths(DType::int32, {c.batch},
                [&](int64_t b) { return c.lengths.empty() ? 0 : c.lengths[static_cast<size_t>(b)]; }),
        mask_view(mask.view()),
        dy(random_array(type, {c.batch, c.queries, c.heads, c.value_size}, 5)) {
    const int64_t full[] = {c.batch, c.heads, c.queries, c.keys};
    for (int d = 0; d < 4; ++d) {
      if (!c.mask_axes[static_cast<size_t>(d)]) mask_view.stride[d] = 0;
      mask_view.shape[d] = full[d];
    }
  }
  Shape mask_shape() const {
    Shape shape = {c.batch, c.heads, c.queries, c.keys};
    for (size_t d = 0; d < 4; ++d) {
      if (!c.mask_axes[d]) shape[d] = 1;
    }
    return shape;
  }
  std::vector<nabla::TensorView> inputs() {
    std::vector<nabla::TensorView> in = {q.view, k.view, v.view};
    if (c.mask != MaskKind::none) in.push_back(mask_view);
    if (!c.lengths.empty()) in.push_back(lengths.view());
    return in;
  }
  std::vector<double> attr() const {
    return {c.scale, c.causal ? 1.0 : 0.0, static_cast<double>(c.mask), c.lengths.empty() ? 0.0 : 1.0, c.rate, 77, 12};
  }
  // What is added to a score; -inf where the key is not attended.
  double bias(int64_t b, int64_t h, int64_t i, int64_t j) const {
    if (c.causal && j > i) return -kInf;
    if (!c.lengths.empty() && j >= c.lengths[static_cast<size_t>(b)]) return -kInf;
    if (c.mask == MaskKind::none) return 0;
    const int64_t at[] = {b, h, i, j};
    int64_t offset = 0;
    for (int d = 0; d < 4; ++d) offset += at[d] * mask_view.stride[d];
    return c.mask == MaskKind::additive ? mask[offset] : mask[offset] != 0 ? 0 : -kInf;
  }
  double factor(int64_t b, int64_t h, int64_t i, int64_t j) const {
    if (c.rate == 0) return 1;
    const int64_t n = ((b * c.heads + h) * c.queries + i) * c.keys + j;
    const uint32_t word = nabla::philox(77, 12 + static_cast<uint64_t>(n) / 4).word[n % 4];
    return nabla::philox_uniform(word) >= c.rate ? 1 / (1 - c.rate) : 0;
  }
};

struct Reference {
  std::vector<double> y, log_sum_exp, dq, dk, dv;

  explicit Reference(const Problem& p) {
    const Case& c = p.c;
    const auto zeros = [](int64_t n) { return std::vector<double>(static_cast<size_t>(n), 0.0); };
    y = zeros(c.batch * c.queries * c.heads * c.value_size);
    log_sum_exp = zeros(c.batch * c.heads * c.queries);
    dq = zeros(c.batch * c.queries * c.heads * c.size);
    dk = zeros(c.batch * c.keys * c.key_heads * c.size);
    dv = zeros(c.batch * c.keys * c.key_heads * c.value_size);
    const auto at = [](const std::vector<double>& x, int64_t i) { return x[static_cast<size_t>(i)]; };
    const auto add = [](std::vector<double>& x, int64_t i, double by) { x[static_cast<size_t>(i)] += by; };
    std::vector<double> weight(static_cast<size_t>(c.keys)), slope = weight;
    for (int64_t b = 0; b < c.batch; ++b) {
      for (int64_t h = 0; h < c.heads; ++h) {
        const int64_t hk = h / (c.heads / c.key_heads);
        for (int64_t i = 0; i < c.queries; ++i) {
          const int64_t query = ((b * c.heads + h) * c.queries + i) * c.size;
          const int64_t key = (b * c.key_heads + hk) * c.keys * c.size,
                        value = (b * c.key_heads + hk) * c.keys * c.value_size;
          const int64_t out = ((b * c.queries + i) * c.heads + h) * c.value_size;
          double greatest = -kInf, sum = 0;
          for (int64_t j = 0; j < c.keys; ++j) {
            double s = 0;
            for (int64_t d = 0; d < c.size; ++d) s += at(p.q.value, query + d) * at(p.k.value, key + j * c.size + d);
            weight[static_cast<size_t>(j)] = c.scale * s + p.bias(b, h, i, j);
            greatest = std::max(greatest, at(weight, j));
          }
          for (double& w : weight) sum += w = w == -kInf ? 0 : std::exp(w - greatest);
          log_sum_exp[static_cast<size_t>((b * c.heads + h) * c.queries + i)] = sum == 0 ? 0 : greatest + std::log(sum);
          if (sum == 0) continue;
          double dot = 0;
          for (int64_t j = 0; j < c.keys; ++j) {
            const double w = at(weight, j) / sum, factor = p.factor(b, h, i, j);
            double s = 0;
            for (int64_t d = 0; d < c.value_size; ++d) {
              const double x = at(p.v.value, value + j * c.value_size + d);
              add(y, out + d, w * factor * x);
              s += p.dy[out + d] * x;
              add(dv, ((b * c.keys + j) * c.key_heads + hk) * c.value_size + d, w * factor * p.dy[out + d]);
            }
            weight[static_cast<size_t>(j)] = w;
            slope[static_cast<size_t>(j)] = s * factor;
            dot += w * s * factor;
          }
          for (int64_t j = 0; j < c.keys; ++j) {
            const double s = at(weight, j) * (at(slope, j) - dot) * c.scale;
            for (int64_t d = 0; d < c.size; ++d) {
              add(dq, ((b * c.queries + i) * c.heads + h) * c.size + d, s * at(p.k.value, key + j * c.size + d));
              add(dk, ((b * c.keys + j) * c.key_heads + hk) * c.size + d, s * at(p.q.value, query + d));
            }
          }
        }
      }
    }
  }
};

void check_all(const Array& got, const std::vector<double>& want, double tolerance) {
  CHECK(got.size() == static_cast<int64_t>(want.size()));
  double largest = 1;
  for (double x : want) largest = std::max(largest, std::isfinite(x) ? std::fabs(x) : 0);
  for (int64_t i = 0; i < got.size(); ++i) CHECK_NEAR(got[i], want[static_cast<size_t>(i)], tolerance * largest);
}

// The logarithms of the queries' sums of exponentials, 0 without a key.
Array log_sum_exp_of(const Array& statistics) {
  const bool single = statistics.dtype() == DType::float32;
  const double unit = single ? double{isa::kScoreUnit<float>} : isa::kScoreUnit<double>;
  const int64_t rows = statistics.size() / 2;
  return Array(statistics.dtype(), {rows}, [&](int64_t i) {
    return statistics[rows + i] == 0 ? 0 : statistics[i] / unit - std::log(statistics[rows + i]);
  });
}

void check_case(const Case& c, DType dtype) {
  if (!in_sample(5)) return;
  Problem p(c, dtype);
  const Reference want(p);
  // Sums of `size`, `value_size`, keys or queries terms of size 1, one after another at most in each accumulator; a
  // score's error becomes a weight's relative error.
  const double terms =
      static_cast<double>(std::max({c.size, c.value_size, c.keys, c.queries * (c.heads / c.key_heads)}));
  const double tolerance = unit_of(dtype) * (20 + 4 * std::sqrt(terms));
  Array y(dtype, {c.batch, c.queries, c.heads, c.value_size}), statistics(dtype, {2, c.batch, c.heads, c.queries});
  Array evaluated(dtype, y.shape());
  std::vector<double> attr = p.attr();
  attr.push_back(1);
  run_op(isa::scaledDotProductAttention, p.inputs(), {&y, &statistics}, attr);
  attr.back() = 0;
  run_op(isa::scaledDotProductAttention, p.inputs(), {&evaluated}, attr);
  CHECK(y.same_bits(evaluated));
  check_all(y, want.y, tolerance);
  check_all(log_sum_exp_of(statistics), want.log_sum_exp, tolerance);

  Array dq(dtype, {c.batch, c.queries, c.heads, c.size}), dk(dtype, {c.batch, c.keys, c.key_heads, c.size}),
      dv(dtype, {c.batch, c.keys, c.key_heads, c.value_size});
  std::vector<nabla::TensorView> in = p.inputs();
  for (Array* a : {&y, &statistics, &p.dy}) in.push_back(a->view());
  run_op(isa::scaledDotProductAttentionGrad, in, {&dq, &dk, &dv}, p.attr());
  check_all(dq, want.dq, 4 * tolerance);
  check_all(dk, want.dk, 4 * tolerance);
  check_all(dv, want.dv, 4 * tolerance);
}

void check_cases(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    for (DType dtype : {DType::float32, DType::float64}) {
      for (Layout layout : {Layout::heads_first, Layout::length_first}) {
        Case laid = c;
        laid.layout = layout;
        check_case(laid, dtype);
      }
    }
  }
}

}  // namespace

NABLA_TEST(exp2_over_its_range) {
  using V = isa::Vec<float>;
  for (int64_t i = 0; i < 4000000; ++i) {
    const float x =
        static_cast<float>(i < 3000000 ? -130.0 + 1e-4 * static_cast<double>(i) * 0.85 : 1e-6 * (i - 3500000));
    float got[V::width];
    isa::exp2(V::set(x)).store(got);
    const double want = std::exp2(static_cast<double>(x));
    const double ulp = std::ldexp(1.0, std::max(std::ilogb(want), -126) - 23);
    if (x < -126.5f) {
      CHECK(got[0] == 0 || x > -126.6f);
    } else {
      CHECK_NEAR(got[0], want, 3 * ulp);
    }
  }
  float got[V::width];
  isa::exp2(V::set(-std::numeric_limits<float>::infinity())).store(got);
  CHECK(got[0] == 0);
  isa::exp2(V::set(std::numeric_limits<float>::quiet_NaN())).store(got);
  CHECK(std::isnan(got[0]));
}

NABLA_TEST(shapes) {
  check_cases({{1, 1, 1, 1, 1, 1, 1},
               {2, 3, 3, 1, 5, 1, 3},
               {1, 2, 2, 7, 13, 5, 3},
               {2, 2, 2, 33, 31, 17, 19},
               {1, 2, 1, 129, 257, 64, 64},
               {2, 1, 1, 300, 1, 8, 1},
               {1, 1, 1, 1, 700, 64, 32},
               {1, 1, 1, 131, 1100, 37, 70},
               {1, 3, 3, 65, 64, 130, 2}});
}

NABLA_TEST(empty) {
  check_cases({{0, 2, 2, 3, 4, 5, 6}, {2, 2, 2, 0, 4, 5, 6}, {2, 2, 2, 3, 0, 5, 6}, {1, 2, 2, 3, 4, 5, 0}});
}

NABLA_TEST(scales) {
  for (double scale : {0.0, -0.7, 4.0}) {
    Case c{1, 2, 2, 37, 150, 20, 20};
    c.scale = scale;
    check_cases({c});
  }
}

NABLA_TEST(grouped_heads) {
  check_cases({{2, 6, 2, 40, 50, 16, 24}, {1, 4, 1, 150, 140, 8, 8}, {1, 8, 2, 5, 300, 8, 16, true}});
}

NABLA_TEST(causal) {
  check_cases({{1, 2, 2, 1, 1, 4, 4, true},
               {1, 2, 2, 33, 33, 8, 8, true},
               {1, 1, 1, 300, 300, 16, 16, true},
               {1, 1, 1, 300, 170, 16, 16, true},
               {1, 1, 1, 170, 1500, 16, 16, true},
               {2, 2, 1, 290, 515, 9, 33, true}});
}

NABLA_TEST(masks) {
  for (MaskKind kind : {MaskKind::boolean, MaskKind::additive}) {
    for (const std::vector<bool>& axes : std::vector<std::vector<bool>>{{true, true, true, true},
                                                                        {true, false, false, true},
                                                                        {false, false, true, true},
                                                                        {true, true, true, false},
                                                                        {false, true, false, false}}) {
      for (bool causal : {false, true}) {
        check_cases({{2, 2, 2, 7, 5, 4, 4, causal, kind, axes},
                     {2, 4, 2, 70, 67, 12, 9, causal, kind, axes},
                     {1, 1, 1, 140, 290, 8, 8, causal, kind, axes, {211}}});
      }
    }
  }
}

NABLA_TEST(lengths) {
  const MaskKind none = MaskKind::none;
  const std::vector<bool> all = {true, true, true, true};
  for (bool causal : {false, true}) {
    check_cases({{3, 2, 2, 40, 50, 8, 8, causal, none, all, {50, 0, 17}},
                 {2, 2, 1, 140, 300, 8, 24, causal, none, all, {129, 300}},
                 {2, 1, 1, 3, 900, 8, 24, causal, none, all, {1, 640}}});
  }
}

NABLA_TEST(dropout) {
  const std::vector<bool> all = {true, true, true, true};
  for (bool causal : {false, true}) {
    check_cases({{1, 1, 1, 70, 150, 0, 8, causal, MaskKind::none, all, {}, 0.3},
                 {2, 2, 2, 9, 7, 5, 6, causal, MaskKind::none, all, {}, 0.4},
                 {2, 2, 1, 140, 150, 8, 8, causal, MaskKind::none, all, {}, 0.2},
                 {2, 2, 2, 37, 301, 8, 8, causal, MaskKind::boolean, all, {299, 200}, 0.5}});
  }
}

// A row without attended keys gives zeros, and takes nothing and gives nothing in the gradient.
NABLA_TEST(rows_without_keys) {
  for (MaskKind kind : {MaskKind::boolean, MaskKind::additive}) {
    const Case c{1, 1, 1, 40, 200, 8, 8, false, kind};
    for (DType dtype : {DType::float32, DType::float64}) {
      Problem p(c, dtype);
      for (int64_t i = 0; i < p.mask.size(); ++i) {
        if (i / 200 % 3 == 0 || (i / 200 % 3 == 1 && i % 200 < 150))
          p.mask.set(i, kind == MaskKind::boolean ? 0 : -kInf);
      }
      const Reference want(p);
      Array y(dtype, {1, 40, 1, 8}), statistics(dtype, {2, 1, 1, 40});
      std::vector<double> attr = p.attr();
      attr.push_back(1);
      run_op(isa::scaledDotProductAttention, p.inputs(), {&y, &statistics}, attr);
      CHECK(y[0] == 0 && statistics[0] == 0 && statistics[40] == 0 && y[8] != 0);
      check_all(y, want.y, unit_of(dtype) * 100);
      check_all(log_sum_exp_of(statistics), want.log_sum_exp, unit_of(dtype) * 100);
      Array dq(dtype, {1, 40, 1, 8}), dk(dtype, {1, 200, 1, 8}), dv(dtype, {1, 200, 1, 8});
      std::vector<nabla::TensorView> in = p.inputs();
      for (Array* a : {&y, &statistics, &p.dy}) in.push_back(a->view());
      run_op(isa::scaledDotProductAttentionGrad, in, {&dq, &dk, &dv}, p.attr());
      CHECK(dq[0] == 0);
      check_all(dq, want.dq, unit_of(dtype) * 300);
      check_all(dk, want.dk, unit_of(dtype) * 300);
      check_all(dv, want.dv, unit_of(dtype) * 300);
    }
  }
}

// The least finite number masks as -inf does beside other keys; alone, all keys count alike.
NABLA_TEST(finite_masks) {
  for (double least : {-1e9, -3.4028234663852886e38}) {
    const Case c{1, 1, 1, 2, 40, 8, 1, false, MaskKind::additive};
    Problem p(c, DType::float32);
    for (int64_t i = 0; i < 80; ++i) p.mask.set(i, i < 40 || i % 2 ? least : 0);
    // Scores of the first query are 0, so that in float64 too all of its keys count alike.
    for (size_t j = 0; j < 8; ++j) {
      p.q.data.set(static_cast<int64_t>(j), 0);
      p.q.value[j] = 0;
    }
    const Reference want(p);
    Array y(DType::float32, {1, 2, 1, 1}), statistics(DType::float32, {2, 1, 1, 2});
    std::vector<double> attr = p.attr();
    attr.push_back(1);
    run_op(isa::scaledDotProductAttention, p.inputs(), {&y, &statistics}, attr);
    double mean = 0;
    for (int64_t j = 0; j < 40; ++j) mean += p.v.data[j] / 40;
    CHECK_NEAR(y[0], mean, 1e-6);
    check_all(y, want.y, unit_of(DType::float32) * 100);
    Array dq(DType::float32, {1, 2, 1, 8}), dk(DType::float32, {1, 40, 1, 8}), dv(DType::float32, {1, 40, 1, 1});
    std::vector<nabla::TensorView> in = p.inputs();
    for (Array* a : {&y, &statistics, &p.dy}) in.push_back(a->view());
    run_op(isa::scaledDotProductAttentionGrad, in, {&dq, &dk, &dv}, p.attr());
    CHECK(dq[0] != 0 && dv[0] != 0);
    check_all(dq, want.dq, unit_of(DType::float32) * 300);
    check_all(dk, want.dk, unit_of(DType::float32) * 300);
    check_all(dv, want.dv, unit_of(DType::float32) * 300);
  }
}

#if defined(NABLA_ISA_CUDA)
// Where tensor cores may be used: heads of up to 64 columns, a multiple of 4.
NABLA_TEST(tf32) {
  allow_tf32() = true;
  const MaskKind boolean = MaskKind::boolean, additive = MaskKind::additive, none = MaskKind::none;
  const std::vector<bool> all = {true, true, true, true}, rows = {false, true, true, false};
  check_cases({{1, 1, 1, 1, 1, 4, 4},
               {2, 2, 1, 70, 67, 64, 64},
               {1, 2, 2, 129, 200, 20, 36},
               {1, 1, 1, 33, 65, 5, 7},
               {1, 4, 2, 150, 140, 32, 64, true},
               {2, 2, 2, 3, 0, 8, 8},
               {2, 2, 1, 70, 130, 8, 60, true, boolean, all, {129, 0}},
               {2, 2, 2, 70, 67, 12, 8, false, additive, rows, {66, 3}},
               {2, 2, 1, 70, 131, 8, 8, true, none, all, {}, 0.2}});
  allow_tf32() = false;
}
#endif

NABLA_TEST(nan_and_infinity) {
  const Case c{1, 1, 1, 40, 150, 8, 8};
  Problem p(c, DType::float32);
  p.q.data.set(3 * 8 + 2, std::numeric_limits<double>::quiet_NaN());
  p.q.data.set(5 * 8 + 2, kInf);
  Array y(DType::float32, {1, 40, 1, 8});
  std::vector<double> attr = p.attr();
  attr.push_back(0);
  run_op(isa::scaledDotProductAttention, p.inputs(), {&y}, attr);
  for (int64_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i / 8 == 3 || i / 8 == 5));
}

NABLA_TEST(lengths_outside_are_errors) {
  for (int bad : {-1, 6, 2147483647}) {
    Case c{2, 1, 1, 3, 5, 4, 4};
    c.lengths = {5, bad};
    Problem p(c, DType::float32);
    Array y(DType::float32, {2, 3, 1, 4});
    std::vector<double> attr = p.attr();
    attr.push_back(0);
    CHECK(error_of(isa::scaledDotProductAttention, p.inputs(), {&y}, attr, nabla::ErrorKind::index) ==
          "length " + std::to_string(bad) + " at position 1 is outside [0, 5]");
  }
}

NABLA_TEST_MAIN
