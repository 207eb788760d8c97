// maxPool2d, its gradient and the gradient of that against naive loops. Both only choose and add, so that values are
// compared exactly, except for the sums of gradients of overlapping windows.
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "core/conv_geometry.h"
#include "cpu/isa_namespace.h"
#include "op_call.h"

namespace nabla::NABLA_ISA {

namespace {

using nabla_test::Array;
using nabla_test::random_array;
using nabla_test::run_op;
using nabla_test::Shape;

struct Case {
  int64_t images, h, w, channels, kernel_h, kernel_w, stride_h, stride_w;
  int64_t dilation_h = 1, dilation_w = 1, top = 0, left = 0, bottom = 0, right = 0;
};

enum class Values {
  random,
  ties,      // few different values, negative ones too
  nans,      // one in seven is NaN
  infinite,  // all -infinity
};

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void fill(Array& x, Values values) {
  for (int64_t i = 0; i < x.size(); ++i) {
    if (values == Values::ties) x.set(i, std::floor(x[i] * 2) - 1);
    if (values == Values::nans && nabla_test::fraction(9, static_cast<uint64_t>(i)) < 1.0 / 7) x.set(i, kNan);
    if (values == Values::infinite) x.set(i, -kInfinity);
  }
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void check_case(DType dtype, const Case& t, Values values) {
  std::vector<double> attr;
  for (int64_t v : {t.kernel_h, t.kernel_w, t.stride_h, t.stride_w, t.dilation_h, t.dilation_w, t.top, t.left, t.bottom,
                    t.right, int64_t{1}}) {
    attr.push_back(static_cast<double>(v));
  }
  const ConvGeometry g = ConvGeometry::from(attr.data(), static_cast<int>(attr.size()));
  const int64_t out_h = g.out_h(t.h), out_w = g.out_w(t.w);
  const Shape x_shape = {t.images, t.h, t.w, t.channels}, y_shape = {t.images, out_h, out_w, t.channels};
  Array x = random_array(dtype, x_shape, 1), dy = random_array(dtype, y_shape, 2), y(dtype, y_shape),
        dx(dtype, x_shape), g2 = random_array(dtype, x_shape, 3), gathered(dtype, y_shape), alone(dtype, y_shape),
        places(t.kernel_h * t.kernel_w <= 256 ? DType::uint8 : DType::int32, y_shape);
  fill(x, values);
  run_op(maxPool2d, {x.view()}, {&alone}, attr);
  run_op(maxPool2d, {x.view()}, {&y, &places}, attr);
  run_op(maxPool2dGrad, {places.view(), dy.view()}, {&dx}, attr);
  run_op(maxPool2dGather, {places.view(), g2.view()}, {&gathered}, attr);
  CHECK(alone.same_bits(y));

  const auto size = static_cast<size_t>(x.size());
  std::vector<double> want_dx(size), magnitude(size);
  std::vector<int> terms(size);
  bool same_y = true, same_gathered = true;
  for (int64_t out = 0; out < y.size(); ++out) {
    const int64_t c = out % t.channels, ox = out / t.channels % out_w;
    const int64_t oy = out / (t.channels * out_w) % out_h, image = out / (t.channels * out_w * out_h);
    double best = -kInfinity;
    int64_t winner = -1;
    for (int64_t kh = 0; kh < t.kernel_h; ++kh) {
      for (int64_t kw = 0; kw < t.kernel_w; ++kw) {
        const int64_t iy = oy * t.stride_h - t.top + kh * t.dilation_h,
                      ix = ox * t.stride_w - t.left + kw * t.dilation_w;
        if (iy < 0 || iy >= t.h || ix < 0 || ix >= t.w) continue;
        const int64_t at = ((image * t.h + iy) * t.w + ix) * t.channels + c;
        if (winner < 0 || x[at] > best || (std::isnan(x[at]) && !std::isnan(best))) {
          best = x[at];
          winner = at;
        }
      }
    }
    same_y = same_y && same(y[out], best);
    same_gathered = same_gathered && gathered[out] == (winner < 0 ? 0 : g2[winner]);
    if (winner >= 0) {
      want_dx[static_cast<size_t>(winner)] += dy[out];
      magnitude[static_cast<size_t>(winner)] += std::fabs(dy[out]);
      ++terms[static_cast<size_t>(winner)];
    }
  }
  const double eps = dtype == DType::float32 ? 0x1p-23 : 0x1p-52;
  bool same_dx = true;
  for (size_t i = 0; i < size; ++i) {
    // Up to one term is exact; each further addition is rounded once.
    const double tolerance = terms[i] > 1 ? terms[i] * eps * magnitude[i] : 0;
    same_dx = same_dx && std::fabs(dx[static_cast<int64_t>(i)] - want_dx[i]) <= tolerance;
  }
  if (!CHECK(same_y) || !CHECK(same_dx) || !CHECK(same_gathered)) {
    std::printf(
        "  x [%lld %lld %lld %lld] kernel %lld %lld stride %lld %lld dilation %lld %lld padding %lld %lld "
        "values %d\n",
        static_cast<long long>(t.images), static_cast<long long>(t.h), static_cast<long long>(t.w),
        static_cast<long long>(t.channels), static_cast<long long>(t.kernel_h), static_cast<long long>(t.kernel_w),
        static_cast<long long>(t.stride_h), static_cast<long long>(t.stride_w), static_cast<long long>(t.dilation_h),
        static_cast<long long>(t.dilation_w), static_cast<long long>(t.top), static_cast<long long>(t.left),
        static_cast<int>(values));
  }
}

void check_case_all(const Case& t) {
  for (Values values : {Values::random, Values::ties, Values::nans, Values::infinite}) {
    check_case(DType::float32, t, values);
    check_case(DType::float64, t, values);
  }
}

NABLA_TEST(two_by_two) {
  for (int64_t h : {2, 5, 8}) {
    for (int64_t w : {2, 3, 12}) {
      for (int64_t c : {1, 3, 16, 19, 37}) check_case_all({3, h, w, c, 2, 2, 2, 2});
    }
  }
  // Several tasks.
  check_case_all({4, 26, 26, 33, 2, 2, 2, 2});
  // Keras "same": the odd row and column get windows of their own.
  check_case_all({2, 7, 9, 5, 2, 2, 2, 2, 1, 1, 0, 0, 1, 1});
  check_case_all({2, 7, 9, 5, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0});
}

NABLA_TEST(geometries) {
  constexpr int64_t kernels[][2] = {{1, 1}, {2, 3}, {3, 3}};
  constexpr int64_t strides[][2] = {{1, 1}, {2, 2}, {3, 4}};
  constexpr int64_t dilations[][2] = {{1, 1}, {2, 3}};
  constexpr int64_t paddings[][4] = {{0, 0, 0, 0}, {1, 1, 1, 1}, {0, 1, 2, 1}};
  for (const auto& k : kernels) {
    for (const auto& s : strides) {
      for (const auto& d : dilations) {
        for (const auto& p : paddings) {
          for (int64_t c : {1, 18}) {
            check_case_all({2, 9, 11, c, k[0], k[1], s[0], s[1], d[0], d[1], p[0], p[1], p[2], p[3]});
          }
        }
      }
    }
  }
}

NABLA_TEST(edges) {
  // The window is the image; a window of padding alone; more channels than a task takes.
  check_case_all({2, 5, 6, 7, 5, 6, 1, 1});
  check_case_all({1, 2, 2, 3, 2, 2, 2, 2, 1, 1, 2, 2, 2, 2});
  check_case_all({2, 7, 7, 300, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1});
  // Windows of 256 pixels, and of more.
  check_case_all({1, 16, 33, 5, 16, 16, 16, 16});
  check_case_all({1, 20, 40, 5, 17, 18, 2, 3, 1, 1, 1, 0, 0, 0});
  // Nothing to pool.
  const std::vector<double> attr = {2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 1};
  const DType f32 = DType::float32;
  Array x = random_array(f32, {2, 1, 5, 3}, 1), y(f32, {2, 0, 2, 3}), dx(f32, {2, 1, 5, 3});
  Array places(DType::uint8, {2, 0, 2, 3}), no_places(DType::uint8, {0, 2, 2, 3});
  run_op(maxPool2d, {x.view()}, {&y, &places}, attr);
  run_op(maxPool2dGrad, {places.view(), y.view()}, {&dx}, attr);
  bool zero = true;
  for (int64_t i = 0; i < dx.size(); ++i) zero = zero && dx[i] == 0;
  CHECK(zero);
  Array no_x(f32, {0, 4, 4, 3}), no_y(f32, {0, 2, 2, 3}), no_dx(f32, {0, 4, 4, 3});
  run_op(maxPool2d, {no_x.view()}, {&no_y, &no_places}, attr);
  run_op(maxPool2dGrad, {no_places.view(), no_y.view()}, {&no_dx}, attr);
  run_op(maxPool2dGather, {no_places.view(), no_dx.view()}, {&no_y}, attr);
}

}  // namespace
}  // namespace nabla::NABLA_ISA

NABLA_TEST_MAIN
