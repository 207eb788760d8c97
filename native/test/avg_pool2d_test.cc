// avgPool2d and its gradient against naive loops in float64.
#include <cmath>
#include <vector>

#include "core/conv_geometry.h"
#include "cpu/isa_namespace.h"
#include "op_call.h"

using namespace nabla_test;

namespace {

struct Case {
  int64_t images, h, w, channels, kernel_h, kernel_w, stride_h, stride_w;
  int64_t top = 0, left = 0, bottom = 0, right = 0;
};

void check_case(const Case& t) {
  std::vector<double> attr;
  for (int64_t v : {t.kernel_h, t.kernel_w, t.stride_h, t.stride_w, int64_t{1}, int64_t{1}, t.top, t.left, t.bottom,
                    t.right, int64_t{1}}) {
    attr.push_back(static_cast<double>(v));
  }
  const nabla::ConvGeometry g = nabla::ConvGeometry::from(attr.data(), static_cast<int>(attr.size()));
  const int64_t out_h = g.out_h(t.h), out_w = g.out_w(t.w);
  for (DType dtype : {DType::float32, DType::float64}) {
    Array x = random_array(dtype, {t.images, t.h, t.w, t.channels}, 1), dx(dtype, x.shape());
    Array dy = random_array(dtype, {t.images, out_h, out_w, t.channels}, 2), y(dtype, dy.shape());
    run_op(isa::avgPool2d, {x.view()}, {&y}, attr);
    run_op(isa::avgPool2dGrad, {dy.view()}, {&dx}, attr);
    std::vector<double> want_dx(static_cast<size_t>(x.size())), terms(want_dx.size());
    const double eps = dtype == DType::float32 ? 0x1p-23 : 0x1p-52;
    bool same_y = true, same_dx = true;
    for (int64_t out = 0; out < y.size(); ++out) {
      const int64_t c = out % t.channels, ox = out / t.channels % out_w;
      const int64_t oy = out / (t.channels * out_w) % out_h, image = out / (t.channels * out_w * out_h);
      std::vector<int64_t> taps;
      double sum = 0;
      for (int64_t kh = 0; kh < t.kernel_h; ++kh) {
        for (int64_t kw = 0; kw < t.kernel_w; ++kw) {
          const int64_t iy = oy * t.stride_h - t.top + kh, ix = ox * t.stride_w - t.left + kw;
          if (iy < 0 || iy >= t.h || ix < 0 || ix >= t.w) continue;
          taps.push_back(((image * t.h + iy) * t.w + ix) * t.channels + c);
          sum += x[taps.back()];
        }
      }
      const double count = static_cast<double>(taps.size()), want = sum / count;
      // A sum of `count` numbers below 1, divided by their number.
      same_y = same_y && (taps.empty() ? std::isnan(y[out]) : std::fabs(y[out] - want) <= (count + 1) * eps);
      for (int64_t at : taps) {
        want_dx[static_cast<size_t>(at)] += dy[out] / count;
        ++terms[static_cast<size_t>(at)];
      }
    }
    for (size_t i = 0; i < want_dx.size(); ++i) {
      same_dx = same_dx && std::fabs(dx[static_cast<int64_t>(i)] - want_dx[i]) <= (terms[i] + 1) * eps;
    }
    CHECK(same_y);
    CHECK(same_dx);
  }
}

}  // namespace

NABLA_TEST(two_by_two) {
  for (int64_t h : {2, 5, 8}) {
    for (int64_t w : {2, 3, 12}) {
      for (int64_t c : {1, 3, 16, 19, 37}) check_case({3, h, w, c, 2, 2, 2, 2});
    }
  }
  check_case({4, 26, 26, 33, 2, 2, 2, 2});
  check_case({2, 7, 9, 5, 2, 2, 2, 2, 0, 0, 1, 1});
  check_case({2, 7, 9, 5, 2, 2, 2, 2, 1, 1, 0, 0});
}

NABLA_TEST(geometries) {
  constexpr int64_t kernels[][2] = {{1, 1}, {2, 3}, {3, 3}, {9, 11}};
  constexpr int64_t strides[][2] = {{1, 1}, {2, 2}, {3, 4}};
  constexpr int64_t paddings[][4] = {{0, 0, 0, 0}, {1, 1, 1, 1}, {0, 1, 2, 1}, {3, 3, 3, 3}};
  for (const auto& k : kernels) {
    for (const auto& s : strides) {
      for (const auto& p : paddings) {
        for (int64_t c : {1, 4, 18}) check_case({2, 9, 11, c, k[0], k[1], s[0], s[1], p[0], p[1], p[2], p[3]});
      }
    }
  }
  // The whole image.
  check_case({2, 7, 7, 300, 7, 7, 1, 1});
}

NABLA_TEST(nothing_to_pool) {
  const std::vector<double> attr = {2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 1};
  Array y(DType::float32, {2, 0, 2, 3}), dx(DType::float32, {2, 1, 5, 3});
  run_op(isa::avgPool2dGrad, {y.view()}, {&dx}, attr);
  bool zero = true;
  for (int64_t i = 0; i < dx.size(); ++i) zero = zero && dx[i] == 0;
  CHECK(zero);
  Array no_x(DType::float32, {0, 4, 4, 3}), no_y(DType::float32, {0, 2, 2, 3});
  run_op(isa::avgPool2d, {no_x.view()}, {&no_y}, attr);
  run_op(isa::avgPool2dGrad, {no_y.view()}, {&no_x}, attr);
}

NABLA_TEST(errors) {
  Array x(DType::float32, {1, 4, 4, 1}, [](int64_t i) { return i; }), y(DType::float32, {1, 2, 2, 1});
  const auto native = nabla::ErrorKind::native;
  CHECK(error_of(isa::avgPool2d, {x.view()}, {&y}, {2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 1}, native) ==
        "the shapes do not fit the geometry");
  CHECK(error_of(isa::avgPool2d, {x.view()}, {&y}, {2, 2, 1, 1, 2, 2, 0, 0, 0, 0, 1}, native) ==
        "windows of average pooling have no gaps");
}

NABLA_TEST_MAIN
