// conv2d and its two gradients against naive float64 loops.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "core/activation.h"
#include "core/conv_geometry.h"
#include "cpu/gemm/conv_method.h"
#include "cpu/isa_namespace.h"
#include "op_call.h"

namespace nabla::NABLA_ISA {

namespace {

using nabla_test::Array;
using nabla_test::random_array;
using nabla_test::run_op;
using nabla_test::Shape;

struct Case {
  int64_t images, h, w, channels, outputs, kernel_h, kernel_w;
  int64_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0, groups = 1;
  Activation activation = Activation::none;
  Algorithm algorithm = Algorithm::automatic;

  // Of float32; the other dtypes ignore what they are asked for.
  bool winograd_possible() const {
    return kernel_h == 3 && kernel_w == 3 && stride_h * stride_w * dilation_h * dilation_w * groups == 1;
  }
  std::vector<double> geometry() const {
    std::vector<double> attr;
    for (int64_t v :
         {kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, bottom, right, groups}) {
      attr.push_back(static_cast<double>(v));
    }
    return attr;
  }
  void print(const char* what) const {
    std::printf(
        "  in %s of x [%lld %lld %lld %lld] w [%lld %lld] -> %lld stride %lld %lld dilation %lld %lld padding "
        "%lld %lld %lld %lld groups %lld algorithm %d\n",
        what, static_cast<long long>(images), static_cast<long long>(h), static_cast<long long>(w),
        static_cast<long long>(channels), static_cast<long long>(kernel_h), static_cast<long long>(kernel_w),
        static_cast<long long>(outputs), static_cast<long long>(stride_h), static_cast<long long>(stride_w),
        static_cast<long long>(dilation_h), static_cast<long long>(dilation_w), static_cast<long long>(top),
        static_cast<long long>(left), static_cast<long long>(bottom), static_cast<long long>(right),
        static_cast<long long>(groups), static_cast<int>(algorithm));
  }
};

// A sum in float64 and the sum of its terms' magnitudes, which bounds the error of adding them in any order.
struct Sum {
  double value = 0, magnitude = 0;
  int64_t terms = 0;
  void add(double x) {
    value += x;
    magnitude += std::fabs(x);
    ++terms;
  }
  // Each term is rounded when it is made, and at most once for each of the others when it is added to them.
  double tolerance(double eps) const { return (static_cast<double>(terms) + 2) * eps * magnitude; }
};

// visit(x index, w index, y index) for each product of the convolution.
template <typename F>
void each_product(const Case& t, int64_t out_h, int64_t out_w, F&& visit) {
  const int64_t group_channels = t.channels / t.groups, group_outputs = t.outputs / t.groups;
  for (int64_t n = 0; n < t.images; ++n) {
    for (int64_t oy = 0; oy < out_h; ++oy) {
      for (int64_t ox = 0; ox < out_w; ++ox) {
        for (int64_t kh = 0; kh < t.kernel_h; ++kh) {
          for (int64_t kw = 0; kw < t.kernel_w; ++kw) {
            const int64_t y = oy * t.stride_h - t.top + kh * t.dilation_h;
            const int64_t x = ox * t.stride_w - t.left + kw * t.dilation_w;
            if (y < 0 || y >= t.h || x < 0 || x >= t.w) continue;
            for (int64_t c = 0; c < group_channels; ++c) {
              for (int64_t o = 0; o < t.outputs; ++o) {
                const int64_t group = o / group_outputs;
                visit(static_cast<size_t>(((n * t.h + y) * t.w + x) * t.channels + group * group_channels + c),
                      static_cast<size_t>(((kh * t.kernel_w + kw) * group_channels + c) * t.outputs + o),
                      static_cast<size_t>(((n * out_h + oy) * out_w + ox) * t.outputs + o));
              }
            }
          }
        }
      }
    }
  }
}

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::relu: return x > 0 ? x : 0;
    case Activation::sigmoid: return 1 / (1 + std::exp(-x));
    case Activation::tanh: return std::tanh(x);
    case Activation::gelu: break;  // matmul's only
  }
  return x;
}

// Winograd's algorithm computes 16 results from one sum of products: where padding leaves one of them with few terms,
// its error is that of its neighbours.
void spread_greatest(std::vector<Sum>& sums) {
  Sum greatest;
  for (const Sum& sum : sums) {
    greatest.magnitude = std::max(greatest.magnitude, sum.magnitude);
    greatest.terms = std::max(greatest.terms, sum.terms);
  }
  for (Sum& sum : sums) sum.magnitude = greatest.magnitude, sum.terms = greatest.terms;
}

// A test of products whose factors are rounded to tf32 widens it.
double float32_eps = 0x1p-23;

void check_all(const Case& t, const char* what, const Array& got, const std::vector<Sum>& want,
               Activation activation = Activation::none) {
  const double eps = got.dtype() == DType::float32 ? float32_eps : 0x1p-52;
  bool close = got.size() == static_cast<int64_t>(want.size());
  for (int64_t i = 0; close && i < got.size(); ++i) {
    const Sum& sum = want[static_cast<size_t>(i)];
    const double y = activated(activation, sum.value);
    // All activations have slopes of at most 1; the smooth ones add a few ulp of their own.
    const double tolerance = sum.tolerance(eps) + (activation > Activation::relu ? 8 * eps * std::fabs(y) : 0);
    close = std::fabs(got[i] - y) <= tolerance;
    if (!close) {
      std::printf("  element %lld of %zu: got %g, want %g, tolerance %g\n", static_cast<long long>(i), want.size(),
                  got[i], y, tolerance);
    }
  }
  if (!CHECK(close)) t.print(what);
}

std::vector<double> values(const Array& a) {
  std::vector<double> v;
  for (int64_t i = 0; i < a.size(); ++i) v.push_back(a[i]);
  return v;
}

void check_case(DType dtype, const Case& t) {
  if (float32_eps == 0x1p-23 && !nabla_test::in_sample(7)) return;
  std::vector<double> attr = t.geometry();
  const ConvGeometry g = ConvGeometry::from(attr.data(), static_cast<int>(attr.size()));
  const int64_t out_h = g.out_h(t.h), out_w = g.out_w(t.w);
  const Shape x_shape = {t.images, t.h, t.w, t.channels}, y_shape = {t.images, out_h, out_w, t.outputs};
  const Shape w_shape = {t.kernel_h, t.kernel_w, t.channels / t.groups, t.outputs};
  Array x = random_array(dtype, x_shape, 1), w = random_array(dtype, w_shape, 2);
  Array bias = random_array(dtype, {t.outputs}, 3), dy = random_array(dtype, y_shape, 4);
  Array y(dtype, y_shape), plain(dtype, y_shape), dx(dtype, x_shape);
  Array dw(dtype, w_shape), dw_alone(dtype, w_shape), dbias(dtype, {t.outputs});

  const double algorithm = static_cast<double>(t.algorithm);
  std::vector<double> forward_attr = attr;
  forward_attr.push_back(0);
  forward_attr.push_back(algorithm);
  attr.push_back(algorithm);
  run_op(conv2d, {x.view(), w.view()}, {&plain}, forward_attr);
  forward_attr[ConvGeometry::kAttrs] = static_cast<double>(t.activation);
  run_op(conv2d, {x.view(), w.view(), bias.view()}, {&y}, forward_attr);
  run_op(conv2dInputGrad, {dy.view(), w.view()}, {&dx}, attr);
  run_op(conv2dWeightGrad, {x.view(), dy.view()}, {&dw, &dbias}, attr);
  run_op(conv2dWeightGrad, {x.view(), dy.view()}, {&dw_alone}, attr);

  const std::vector<double> vx = values(x), vw = values(w), vdy = values(dy), vbias = values(bias);
  std::vector<Sum> want_y(vdy.size()), want_dx(vx.size()), want_dw(vw.size()), want_dbias(vbias.size());
  each_product(t, out_h, out_w, [&](size_t ix, size_t iw, size_t iy) {
    want_y[iy].add(vx[ix] * vw[iw]);
    want_dx[ix].add(vdy[iy] * vw[iw]);
    want_dw[iw].add(vdy[iy] * vx[ix]);
  });
  if (t.algorithm == Algorithm::winograd) {
    spread_greatest(want_y);
    spread_greatest(want_dx);
    spread_greatest(want_dw);
  }
  check_all(t, "y without bias", plain, want_y);
  for (size_t i = 0; i < vdy.size(); ++i) {
    want_y[i].add(vbias[i % vbias.size()]);
    want_dbias[i % vbias.size()].add(vdy[i]);
  }
  check_all(t, "y", y, want_y, t.activation);
  check_all(t, "dx", dx, want_dx);
  check_all(t, "dw", dw, want_dw);
  check_all(t, "dbias", dbias, want_dbias);
  CHECK(dw.same_bits(dw_alone));
}

void check_case_both(const Case& t) {
  check_case(DType::float32, t);
  check_case(DType::float64, t);
#if !defined(NABLA_ISA_CUDA)  // which has one algorithm
  if (!t.winograd_possible()) return;
  for (Algorithm algorithm : {Algorithm::im2col, Algorithm::winograd}) {
    Case forced = t;
    forced.algorithm = algorithm;
    check_case(DType::float32, forced);
  }
#endif
}

// Small images of many geometries.
NABLA_TEST(geometries) {
  constexpr int64_t kernels[][2] = {{1, 1}, {2, 3}, {3, 3}, {5, 4}};
  constexpr int64_t strides[][2] = {{1, 1}, {2, 2}, {3, 1}, {2, 3}};
  constexpr int64_t dilations[][2] = {{1, 1}, {2, 1}, {1, 2}, {3, 2}};
  constexpr int64_t paddings[][4] = {{0, 0, 0, 0}, {1, 1, 1, 1}, {0, 1, 1, 2}, {2, 3, 0, 0}};
  for (const auto& k : kernels) {
    for (const auto& s : strides) {
      for (const auto& d : dilations) {
        for (const auto& p : paddings) {
          check_case_both(
              {2, 11, 17, 3, 5, k[0], k[1], s[0], s[1], d[0], d[1], p[0], p[1], p[2], p[3], 1, Activation::relu});
        }
      }
    }
  }
}

// All widths of a tile, and images with fewer columns than a tile.
NABLA_TEST(widths) {
  for (int64_t w = 1; w <= 33; ++w) check_case_both({3, 5, w, 4, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
  for (int64_t w = 1; w <= 33; w += 4) check_case_both({3, 5, w, 4, 6, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1});
}

NABLA_TEST(channels) {
  for (int64_t c : {1, 3, 5, 16, 32, 37}) {
    for (int64_t o : {1, 7, 10, 32, 33, 64}) {
      check_case_both({2, 7, 9, c, o, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, Activation::tanh});
      check_case_both({1, 6, 5, c, o, 1, 1});
    }
  }
}

NABLA_TEST(groups) {
  for (int64_t s : {1, 2}) {
    for (int64_t d : {1, 2}) {
      check_case_both({2, 9, 10, 6, 8, 3, 3, s, s, d, d, 1, 1, 1, 1, 2, Activation::sigmoid});
      check_case_both({2, 9, 10, 9, 3, 3, 3, s, s, d, d, 0, 0, 0, 0, 3});
      check_case_both({1, 9, 10, 4, 140, 3, 3, s, s, d, d, 1, 0, 1, 2, 2});
      // Depthwise, with one output and with three outputs a channel.
      check_case_both({2, 9, 10, 37, 37, 3, 3, s, s, d, d, 1, 1, 1, 1, 37, Activation::relu});
      check_case_both({2, 9, 30, 5, 15, 3, 3, s, s, d, d, 1, 1, 1, 1, 5});
      check_case_both({1, 8, 8, 129, 129, 5, 3, s, s, d, d, 2, 1, 2, 1, 129, Activation::tanh});
    }
  }
}

// Shapes that are cut into several tasks, blocks and partial results.
NABLA_TEST(partitions) {
  check_case_both({32, 28, 28, 1, 32, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1, Activation::relu});
  check_case_both({8, 13, 13, 32, 64, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1, Activation::relu});
  check_case_both({2, 40, 41, 3, 70, 7, 7, 2, 2, 1, 1, 3, 3, 2, 2});
  check_case_both({1, 4, 1100, 3, 8, 1, 5, 1, 2, 1, 3, 0, 4, 0, 4});
  check_case_both({1, 1, 3001, 2, 3, 1, 9, 1, 1, 1, 1, 0, 4, 0, 4});
  check_case_both({5, 4, 4, 64, 96, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
  check_case_both({37, 6, 6, 20, 40, 6, 6});
  check_case_both({2, 30, 30, 48, 130, 1, 1});
  // Patches side by side: each pixel of a patch is a phase of its own of the input gradient.
  check_case_both({2, 32, 48, 3, 20, 16, 16, 16, 16});
  // Long sums for few results.
  check_case_both({1, 7, 7, 256, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, Activation::sigmoid});
  check_case_both({1, 9, 9, 132, 320, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, Activation::tanh});
  check_case_both({3, 20, 21, 64, 68, 1, 1, 2, 2});
  // The result is streamed past the caches.
  check_case_both({1, 257, 256, 1, 64, 1, 3, 1, 1, 1, 1, 0, 1, 0, 1, 1, Activation::relu});
}

#if defined(NABLA_ISA_CUDA)
// By tensor cores, where there are any. Two factors of 11 bits are each off by up to 2^-11.
NABLA_TEST(tf32) {
  float32_eps = 0x1p-10;
  nabla_test::allow_tf32() = true;
  check_case(DType::float32, {2, 9, 10, 32, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, Activation::relu});
  check_case(DType::float32, {1, 7, 7, 128, 40, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1});
  check_case(DType::float32, {1, 12, 13, 48, 132, 1, 1});
  check_case(DType::float32, {3, 6, 6, 20, 36, 2, 3, 1, 1, 1, 1, 0, 1, 0, 1});
  nabla_test::allow_tf32() = false;
  float32_eps = 0x1p-23;
}
#else
// 3x3 with stride 1 and enough channels: with wide vectors float32 goes by Winograd's algorithm. Its error, about twice
// that of adding the products one by one, is far below the bound for these sums of 288 products and more, also where
// padding leaves a result with two thirds of them and the tile's other results do not.
NABLA_TEST(winograd) {
  for (int64_t size : {8, 9, 10, 11, 13}) {
    check_case_both({3, size, size + 3, 40, 50, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1, Activation::relu});
    check_case_both({3, size + 2, size, 33, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, Activation::sigmoid});
  }
  check_case_both({2, 12, 10, 64, 37, 3, 3, 1, 1, 1, 1, 2, 0, 1, 2});
  check_case_both({1, 14, 13, 48, 130, 3, 3, 1, 1, 1, 1, 0, 2, 2, 0});
  // More panels of kernels than are transformed at a time.
  check_case_both({1, 16, 15, 300, 330, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
  // More tiles than are transformed at a time for the weight gradient.
  check_case_both({3, 44, 52, 96, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
}

// The errors of all elements in half units in the last place of the sum of their terms' magnitudes.
void check_accuracy(const char* what, const Array& got, const std::vector<Sum>& want) {
  double worst = 0, squares = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    const Sum& sum = want[static_cast<size_t>(i)];
    const double error = std::fabs(got[i] - sum.value) / (sum.magnitude * 0x1p-24);
    worst = std::max(worst, error);
    squares += error * error;
  }
  std::printf("  %s: greatest error %.2f, root mean square %.2f\n", what, worst,
              std::sqrt(squares / static_cast<double>(got.size())));
  CHECK(worst <= 8);
  CHECK(squares <= 1.0 * static_cast<double>(got.size()));
}

// A closer look at that error: all results of a tile are sums of like magnitude, and errors of 5 half units in the last
// place of that magnitude are rare. Points less suitable than those chosen give 12 and more. The input gradient is
// looked at where its windows are whole: at the border its sums have fewer terms than those beside them.
NABLA_TEST(winograd_accuracy) {
  const Case t = {2, 18, 18, 96, 64, 3, 3};
  const Shape y_shape = {t.images, t.h - 2, t.w - 2, t.outputs}, w_shape = {3, 3, t.channels, t.outputs};
  Array x = random_array(DType::float32, {t.images, t.h, t.w, t.channels}, 1);
  Array w = random_array(DType::float32, w_shape, 2), dy = random_array(DType::float32, y_shape, 3);
  Array y(DType::float32, y_shape), dw(DType::float32, w_shape), dx(DType::float32, x.shape());
  const double winograd = static_cast<double>(Algorithm::winograd);
  std::vector<double> attr = t.geometry();
  attr.push_back(winograd);
  run_op(conv2dInputGrad, {dy.view(), w.view()}, {&dx}, attr);
  run_op(conv2dWeightGrad, {x.view(), dy.view()}, {&dw}, attr);
  attr.back() = 0;
  attr.push_back(winograd);
  run_op(conv2d, {x.view(), w.view()}, {&y}, attr);

  const std::vector<double> vx = values(x), vw = values(w), vdy = values(dy);
  std::vector<Sum> want_y(vdy.size()), want_dw(vw.size()), want_dx(vx.size());
  each_product(t, t.h - 2, t.w - 2, [&](size_t ix, size_t iw, size_t iy) {
    want_y[iy].add(vx[ix] * vw[iw]);
    want_dw[iw].add(vx[ix] * vdy[iy]);
    want_dx[ix].add(vdy[iy] * vw[iw]);
  });
  double magnitude = 0;
  for (const Sum& sum : want_dx) magnitude = std::max(magnitude, sum.magnitude);
  for (Sum& sum : want_dx) {
    if (sum.terms < 9 * t.outputs) sum.magnitude = magnitude;
  }
  check_accuracy("y", y, want_y);
  check_accuracy("dw", dw, want_dw);
  check_accuracy("dx", dx, want_dx);
}

// Layers large enough for many tasks, blocks and panels by each method: run_op compares the bits with 1, 2 and 3
// threads.
NABLA_TEST(threads) {
  constexpr int64_t cases[][9] = {
      // images, size, channels, outputs, kernel, stride, dilation, padding, groups
      {2, 56, 64, 96, 3, 1, 1, 1, 1},    // by column, or Winograd
      {8, 14, 128, 160, 3, 1, 1, 1, 1},  // with few tiles
      {2, 112, 3, 64, 7, 2, 1, 3, 1},    // whole; the input gradient by scattering
      {1, 112, 3, 64, 3, 1, 1, 1, 1},    // direct
      {2, 56, 64, 64, 3, 2, 1, 1, 1},    // the input gradient by phases
      {4, 28, 64, 256, 1, 1, 1, 0, 1},   // pointwise
      {64, 6, 32, 64, 3, 1, 1, 0, 1},    // gathered
      {2, 56, 64, 64, 3, 1, 1, 1, 64},   // depthwise
      {2, 30, 32, 64, 3, 1, 2, 2, 2},    // dilated, in groups
  };
  for (const auto& c : cases) {
    for (Algorithm algorithm : {Algorithm::automatic, Algorithm::im2col, Algorithm::winograd}) {
      const Case t = {c[0], c[1], c[1], c[2], c[3], c[4], c[4], c[5], c[5], c[6], c[6], c[7], c[7], c[7], c[7], c[8]};
      if (algorithm != Algorithm::automatic && !t.winograd_possible()) continue;
      std::vector<double> attr = t.geometry();
      const ConvGeometry g = ConvGeometry::from(attr.data(), static_cast<int>(attr.size()));
      attr.push_back(static_cast<double>(algorithm));
      const Shape y_shape = {t.images, g.out_h(t.h), g.out_w(t.w), t.outputs};
      Array x = random_array(DType::float32, {t.images, t.h, t.w, t.channels}, 1);
      Array w = random_array(DType::float32, {t.kernel_h, t.kernel_w, t.channels / t.groups, t.outputs}, 2);
      Array dy = random_array(DType::float32, y_shape, 3);
      Array y(DType::float32, y_shape), dx(DType::float32, x.shape()), dw(DType::float32, w.shape());
      Array dbias(DType::float32, {t.outputs});
      run_op(conv2dInputGrad, {dy.view(), w.view()}, {&dx}, attr);
      run_op(conv2dWeightGrad, {x.view(), dy.view()}, {&dw, &dbias}, attr);
      attr.insert(attr.end() - 1, 0);
      run_op(conv2d, {x.view(), w.view()}, {&y}, attr);
    }
  }
}

#endif

NABLA_TEST(edges) {
  // The kernel covers the image, or reaches beyond it on all sides.
  check_case_both({2, 5, 5, 3, 4, 5, 5});
  check_case_both({2, 2, 3, 3, 4, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2});
  check_case_both({1, 1, 1, 1, 1, 1, 1});
  check_case_both({1, 3, 3, 2, 2, 1, 1, 3, 3, 1, 1, 2, 2, 2, 2});
  // Padding of which a whole window, or a whole stride, is made.
  check_case_both({1, 4, 4, 2, 3, 2, 2, 1, 1, 1, 1, 4, 4, 4, 4});
  // Strides greater than the kernel leave pixels without a gradient.
  check_case_both({2, 10, 11, 3, 4, 2, 1, 3, 4});
  // Empty batches, and images too small for any window.
  check_case_both({0, 5, 5, 3, 4, 3, 3});
  check_case_both({2, 2, 2, 3, 4, 3, 3});
  check_case_both({2, 0, 5, 3, 4, 1, 1});
}

}  // namespace
}  // namespace nabla::NABLA_ISA

NABLA_TEST_MAIN
