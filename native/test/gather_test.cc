// gather and scatterAdd against naive loops.
#include <cmath>

#include "op_call.h"

using namespace nabla_test;

namespace {

struct Case {
  Shape shape;
  int axis;
  Shape indices;
};

const Case kCases[] = {
    {{5}, 0, {3}},          {{5}, 0, {}},           {{1}, 0, {1000}},          {{7, 3}, 0, {4}},
    {{7, 3}, 1, {2, 5}},    {{7, 0}, 0, {3}},       {{4, 5, 6}, 1, {9}},       {{4, 5, 6}, 2, {2, 3, 4}},
    {{3, 4, 5, 2}, 2, {8}}, {{1009, 17}, 0, {331}}, {{300, 768}, 0, {16, 33}}, {{20, 5000}, 0, {31}},
    {{2, 9, 3000}, 1, {7}}, {{70001}, 0, {1009}},   {{6, 2}, 0, {0}},          {{100, 7, 64}, 0, {1000}},
    {{3, 0, 2}, 2, {4}},    {{40000}, 0, {100000}}, {{50, 129}, 1, {70}},
};

Array random_indices(const Case& c, uint64_t seed) {
  const double n = static_cast<double>(c.shape[static_cast<size_t>(c.axis)]);
  return Array(DType::int32, c.indices, [&](int64_t i) {
    return std::floor(fraction(seed, static_cast<uint64_t>(i)) * 2 * n) - n;  // -n to n - 1
  });
}

Array sample_array(DType dtype, const Shape& shape, uint64_t seed) {
  return Array(dtype, shape, [&](int64_t i) {
    const double u = fraction(seed, static_cast<uint64_t>(i));
    return dtype == DType::boolean ? std::floor(u * 2) : std::floor(u * 100) / (dtype == DType::float32 ? 4 : 1);
  });
}

// The shape of x with the indexed axis replaced by the indices' shape.
Shape indexed_shape(const Case& c) {
  Shape shape(c.shape.begin(), c.shape.begin() + c.axis);
  shape.insert(shape.end(), c.indices.begin(), c.indices.end());
  shape.insert(shape.end(), c.shape.begin() + c.axis + 1, c.shape.end());
  return shape;
}

// body(element of x, element of the indexed side), in the indexed side's order.
template <typename Body>
void for_pairs(const Case& c, const Array& indices, Body&& body) {
  const int64_t axis_size = c.shape[static_cast<size_t>(c.axis)], count = indices.size();
  const int64_t outer = product(Shape(c.shape.begin(), c.shape.begin() + c.axis));
  const int64_t inner = product(Shape(c.shape.begin() + c.axis + 1, c.shape.end()));
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t index = static_cast<int64_t>(indices[i]), row = index < 0 ? index + axis_size : index;
      for (int64_t j = 0; j < inner; ++j) body((o * axis_size + row) * inner + j, (o * count + i) * inner + j);
    }
  }
}

}  // namespace

NABLA_TEST(gather_picks) {
  for (const Case& c : kCases) {
    for (DType dtype : {DType::float32, DType::float64, DType::int32, DType::uint8, DType::boolean, DType::bfloat16}) {
      Array x = sample_array(dtype, c.shape, 1), indices = random_indices(c, 2), out(dtype, indexed_shape(c));
      run_op(isa::gather, {x.view(), indices.view()}, {&out}, {static_cast<double>(c.axis)});
      for_pairs(c, indices, [&](int64_t from, int64_t to) { CHECK_NEAR(out[to], x[from], 0); });
    }
  }
}

NABLA_TEST(scatter_adds) {
  for (const Case& c : kCases) {
    for (DType dtype : {DType::float32, DType::float64, DType::int32, DType::uint8}) {
      Array x = sample_array(dtype, c.shape, 3), indices = random_indices(c, 4);
      Array updates = sample_array(dtype, indexed_shape(c), 5), out(dtype, c.shape);
      run_op(isa::scatterAdd, {x.view(), indices.view(), updates.view()}, {&out}, {static_cast<double>(c.axis)});
      // Exact: all values are multiples of 1/4 below 2^22, and uint8 wraps.
      std::vector<double> want(static_cast<size_t>(x.size()));
      for (int64_t i = 0; i < x.size(); ++i) want[static_cast<size_t>(i)] = x[i];
      for_pairs(c, indices, [&](int64_t to, int64_t from) { want[static_cast<size_t>(to)] += updates[from]; });
      CHECK(out.size() == x.size());
      for (int64_t i = 0; i < x.size(); ++i) {
        const double value = want[static_cast<size_t>(i)];
        CHECK_NEAR(out[i], dtype == DType::uint8 ? std::fmod(value, 256) : value, 0);
      }
    }
  }
}

NABLA_TEST(scatter_adds_to_one_broadcast_value) {
  for (const Case& c : kCases) {
    Array value(DType::float32, {}, [](int64_t) { return 0.25; }), indices = random_indices(c, 6);
    Array x(DType::float32, c.shape, [](int64_t) { return 0.25; });
    Array updates = sample_array(DType::float32, indexed_shape(c), 7);
    nabla::TensorView broadcast = x.view();
    broadcast.data = value.view().data;
    for (int64_t& stride : broadcast.stride) stride = 0;
    Array out(DType::float32, c.shape), want(DType::float32, c.shape);
    const std::vector<double> attr{static_cast<double>(c.axis)};
    run_op(isa::scatterAdd, {broadcast, indices.view(), updates.view()}, {&out}, attr);
    run_op(isa::scatterAdd, {x.view(), indices.view(), updates.view()}, {&want}, attr);
    CHECK(out.same_bits(want));
  }
}

NABLA_TEST(scatter_adds_in_the_order_of_the_indices) {
  // In float32 (1e8 + 3) - 1e8 is 0 while (1e8 - 1e8) + 3 is 3.
  Array x(DType::float32, {2}, [](int64_t) { return 0; });
  Array indices(DType::int32, {6}, [](int64_t i) { return i % 2; });
  const double values[] = {1e8, 1e8, 3, -1e8, -1e8, 3};
  Array updates(DType::float32, {6}, [&](int64_t i) { return values[i]; });
  Array out(DType::float32, {2});
  run_op(isa::scatterAdd, {x.view(), indices.view(), updates.view()}, {&out}, {0});
  CHECK_NEAR(out[0], 0, 0);
  CHECK_NEAR(out[1], 3, 0);
}

NABLA_TEST(indices_outside_are_errors) {
  for (int32_t bad : {5, -6, 2147483647, -2147483647 - 1}) {
    Array x(DType::float32, {5, 2}, [](int64_t i) { return i; });
    Array indices(DType::int32, {3}, [&](int64_t i) { return i == 1 ? bad : 4; });
    Array rows(DType::float32, {3, 2}, [](int64_t i) { return i; }), sum(DType::float32, {5, 2});
    const std::string want = "index " + std::to_string(bad) + " at position 1 is outside [0, 5)";
    CHECK(error_of(isa::gather, {x.view(), indices.view()}, {&rows}, {0}, nabla::ErrorKind::index) == want);
    CHECK(error_of(isa::scatterAdd, {x.view(), indices.view(), rows.view()}, {&sum}, {0}, nabla::ErrorKind::index) ==
          want);
  }
  Array x(DType::float32, {5}, [](int64_t i) { return i; }), indices(DType::int32, {2}, [](int64_t i) { return i; });
  Array out(DType::float32, {2}), wrong(DType::float32, {3});
  CHECK(error_of(isa::gather, {x.view(), indices.view()}, {&out}, {1}, nabla::ErrorKind::native) ==
        "the axis is out of range");
  CHECK(error_of(isa::gather, {x.view(), indices.view()}, {&wrong}, {0}, nabla::ErrorKind::native) ==
        "the output's size is wrong");
}

NABLA_TEST_MAIN
