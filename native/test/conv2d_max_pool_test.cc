// conv2dMaxPool gives the bits of conv2d and maxPool2d one after another, in slices of images and of rows.
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "core/activation.h"
#include "core/conv_geometry.h"
#include "cpu/isa_namespace.h"
#include "op_call.h"

namespace nabla::NABLA_ISA {

namespace {

using nabla_test::Array;
using nabla_test::random_array;
using nabla_test::run_op;
using nabla_test::Shape;

// Attributes: kernel, stride, dilation, padding (top, left, bottom, right), groups.
using Geometry = std::vector<double>;

struct Case {
  Shape x;
  int64_t outputs;
  Geometry conv, pool;
  Activation activation = Activation::none;
};

enum class Values { random, ties, nans };

void check_case(DType dtype, const Case& t, Values values) {
  if (!nabla_test::in_sample(17)) return;
  const ConvGeometry conv = ConvGeometry::from(t.conv.data(), ConvGeometry::kAttrs);
  const ConvGeometry pool = ConvGeometry::from(t.pool.data(), ConvGeometry::kAttrs);
  const Shape full = {t.x[0], conv.out_h(t.x[1]), conv.out_w(t.x[2]), t.outputs};
  const Shape pooled = {t.x[0], pool.out_h(full[1]), pool.out_w(full[2]), t.outputs};
  const DType place = pool.kernel_h * pool.kernel_w <= 256 ? DType::uint8 : DType::int32;
  Array x = random_array(dtype, t.x, 1),
        w = random_array(dtype, {conv.kernel_h, conv.kernel_w, t.x[3] / conv.groups, t.outputs}, 2),
        bias = random_array(dtype, {t.outputs}, 3), z(dtype, full), y(dtype, pooled), places(place, pooled),
        want(dtype, pooled), want_places(place, pooled), alone(dtype, pooled);
  for (int64_t i = 0; i < x.size(); ++i) {
    if (values == Values::ties) x.set(i, std::floor(x[i] * 2));
    if (values == Values::nans && i % 41 == 7) x.set(i, std::numeric_limits<double>::quiet_NaN());
  }
  for (int64_t i = 0; i < w.size() && values == Values::ties; ++i) w.set(i, std::floor(w[i] * 2));

  std::vector<double> attr = t.conv;
  attr.push_back(static_cast<double>(t.activation));
  attr.push_back(0);  // the algorithm: chosen by shape
  run_op(conv2d, {x.view(), w.view(), bias.view()}, {&z}, attr);
  run_op(maxPool2d, {z.view()}, {&want, &want_places}, t.pool);
  attr.insert(attr.end(), t.pool.begin(), t.pool.end());
  run_op(conv2dMaxPool, {x.view(), w.view(), bias.view()}, {&y, &places}, attr);
  run_op(conv2dMaxPool, {x.view(), w.view(), bias.view()}, {&alone}, attr);
  if (!CHECK(y.same_bits(want)) || !CHECK(places.same_bits(want_places)) || !CHECK(alone.same_bits(want))) {
    std::printf("  x [%lld %lld %lld %lld] -> %lld values %d\n", static_cast<long long>(t.x[0]),
                static_cast<long long>(t.x[1]), static_cast<long long>(t.x[2]), static_cast<long long>(t.x[3]),
                static_cast<long long>(t.outputs), static_cast<int>(values));
  }
}

void check_case_all(const Case& t) {
  for (Values values : {Values::random, Values::ties, Values::nans}) {
    check_case(DType::float32, t, values);
    check_case(DType::float64, t, values);
  }
}

const Geometry kPlain = {3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1};
const Geometry kSame = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1};
const Geometry kPool2 = {2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 1};

NABLA_TEST(slices_of_images) {
  // Several images a slice, with some left over; Winograd's algorithm; gathered patches; groups; depthwise.
  check_case_all({{33, 28, 28, 1}, 32, kPlain, kPool2, Activation::relu});
  check_case_all({{70, 13, 13, 16}, 32, kPlain, kPool2, Activation::relu});
  check_case_all({{90, 5, 5, 4}, 150, kSame, kPool2, Activation::tanh});
  check_case_all({{9, 30, 31, 8}, 48, {3, 3, 1, 1, 1, 1, 0, 1, 0, 0, 4}, kPool2});
  check_case_all({{5, 50, 50, 32}, 32, {3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 32}, kPool2});
  // A pool whose windows overlap and one with padding.
  check_case_all({{12, 40, 40, 2}, 24, kPlain, {3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1}, Activation::sigmoid});
}

NABLA_TEST(slices_of_rows) {
  check_case_all({{2, 160, 150, 2}, 32, kSame, kPool2, Activation::relu});
  check_case_all({{1, 131, 97, 3}, 96, {3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 1}, {3, 2, 3, 2, 1, 1, 0, 0, 0, 0, 1}});
  check_case_all({{1, 300, 202, 2}, 40, {5, 4, 2, 1, 1, 1, 3, 0, 4, 2, 1}, {4, 4, 4, 4, 1, 1, 0, 0, 0, 0, 1}});
  check_case_all({{1, 130, 131, 32}, 64, kPlain, kPool2, Activation::relu});
  // Rows of padding alone; windows of more than 256 pixels.
  check_case_all({{1, 128, 128, 1}, 64, {3, 3, 1, 1, 1, 1, 7, 0, 7, 0, 1}, kPool2});
  check_case_all({{1, 180, 100, 1}, 70, kPlain, {20, 13, 20, 13, 1, 1, 0, 0, 0, 0, 1}});
}

NABLA_TEST(edges) {
  check_case_all({{1, 1, 1, 1}, 1, {1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1}, {1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1}});
  check_case_all({{3, 2, 2, 5}, 7, {1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1}, kPool2});
  check_case_all({{2, 5, 7, 1}, 300, kPlain, kPool2});
  check_case_all({{0, 5, 7, 3}, 4, kPlain, kPool2});
}

}  // namespace
}  // namespace nabla::NABLA_ISA

NABLA_TEST_MAIN
