// takeAlongAxis and scatterAddAlongAxis against naive loops.
#include <cmath>

#include "op_call.h"

using namespace nabla_test;

namespace {

struct Case {
  Shape shape;
  int axis;
  int64_t count;
};

const Case kCases[] = {
    {{5}, 0, 3},           {{1}, 0, 1000},     {{7, 3}, 0, 9},        {{7, 3}, 1, 4},      {{2, 9, 3000}, 1, 7},
    {{6, 0}, 0, 2},        {{0, 6}, 1, 2},     {{4, 5}, 1, 0},        {{40000}, 0, 70001}, {{300, 129}, 1, 131},
    {{64, 5, 3, 2}, 1, 4}, {{3, 5, 17}, 2, 8}, {{50, 70, 31}, 0, 40},
};

Shape indexed_shape(const Case& c) {
  Shape shape = c.shape;
  shape[static_cast<size_t>(c.axis)] = c.count;
  return shape;
}

Array random_indices(const Case& c, uint64_t seed) {
  const double n = static_cast<double>(c.shape[static_cast<size_t>(c.axis)]);
  return Array(DType::int32, indexed_shape(c), [&](int64_t i) {
    return std::floor(fraction(seed, static_cast<uint64_t>(i)) * 2 * n) - n;  // -n to n - 1
  });
}

// body(element of x, element of the indexed side), in the indexed side's order.
template <typename Body>
void for_pairs(const Case& c, const Array& indices, Body&& body) {
  const auto axis = static_cast<size_t>(c.axis);
  const int64_t size = c.shape[axis];
  const int64_t inner = product(Shape(c.shape.begin() + c.axis + 1, c.shape.end()));
  for (int64_t i = 0; i < indices.size(); ++i) {
    const int64_t index = static_cast<int64_t>(indices[i]), row = index < 0 ? index + size : index;
    body((i / inner / c.count * size + row) * inner + i % inner, i);
  }
}

}  // namespace

NABLA_TEST(takes_by_index) {
  for (const Case& c : kCases) {
    for (DType dtype : {DType::float32, DType::float64, DType::int32, DType::uint8, DType::boolean}) {
      Array x(dtype, c.shape, [](int64_t i) { return std::floor(fraction(1, static_cast<uint64_t>(i)) * 200); });
      Array indices = random_indices(c, 2), out(dtype, indexed_shape(c));
      run_op(isa::takeAlongAxis, {x.view(), indices.view()}, {&out}, {static_cast<double>(c.axis)});
      bool equal = true;
      for_pairs(c, indices, [&](int64_t from, int64_t to) { equal = equal && out[to] == x[from]; });
      CHECK(equal);
    }
  }
}

NABLA_TEST(adds_in_the_order_of_the_indices) {
  for (const Case& c : kCases) {
    Array indices = random_indices(c, 3), updates = random_array(DType::float64, indexed_shape(c), 4);
    Array out(DType::float64, c.shape);
    run_op(isa::scatterAddAlongAxis, {indices.view(), updates.view()}, {&out}, {static_cast<double>(c.axis)});
    std::vector<double> want(static_cast<size_t>(out.size()));
    for_pairs(c, indices, [&](int64_t to, int64_t from) { want[static_cast<size_t>(to)] += updates[from]; });
    bool equal = true;
    for (int64_t i = 0; i < out.size(); ++i) equal = equal && out[i] == want[static_cast<size_t>(i)];
    CHECK(equal);
  }
}

NABLA_TEST(indices_outside_are_errors) {
  for (int32_t bad : {5, -6, 2147483647, -2147483647 - 1}) {
    Array x(DType::float32, {5, 2}, [](int64_t i) { return i; });
    Array indices(DType::int32, {3, 2}, [&](int64_t i) { return i == 4 ? bad : 4; });
    Array out(DType::float32, {3, 2}, [](int64_t i) { return i; }), sum(DType::float32, {5, 2});
    const std::string want = "index " + std::to_string(bad) + " at position 4 is outside [0, 5)";
    CHECK(error_of(isa::takeAlongAxis, {x.view(), indices.view()}, {&out}, {0}, nabla::ErrorKind::index) == want);
    CHECK(error_of(isa::scatterAddAlongAxis, {indices.view(), out.view()}, {&sum}, {0}, nabla::ErrorKind::index) ==
          want);
  }
  Array none(DType::float32, {0}), indices(DType::int32, {1}, [](int64_t) { return 0; }), one(DType::float32, {1});
  const std::string outside = "index 0 at position 0 is outside [0, 0)";
  CHECK(error_of(isa::takeAlongAxis, {none.view(), indices.view()}, {&one}, {0}, nabla::ErrorKind::index) == outside);
  CHECK(error_of(isa::scatterAddAlongAxis, {indices.view(), one.view()}, {&none}, {0}, nabla::ErrorKind::index) ==
        outside);
}

NABLA_TEST(impossible_commands_are_errors) {
  const auto native = nabla::ErrorKind::native;
  Array x(DType::float32, {5, 2}), indices(DType::int32, {3, 2}), out(DType::float32, {3, 2});
  Array other(DType::int32, {3, 1}), flat(DType::int32, {3}), whole(DType::int32, {5, 2});
  const auto take = isa::takeAlongAxis;
  CHECK(error_of(take, {x.view(), indices.view()}, {&out}, {2}, native) == "the axis is out of range");
  CHECK(error_of(take, {x.view(), other.view()}, {&out}, {0}, native) == "the indices do not fit");
  CHECK(error_of(take, {x.view(), flat.view()}, {&out}, {0}, native) == "the indices have another number of axes");
  CHECK(error_of(take, {x.view(), x.view()}, {&out}, {0}, native) == "indices must be int32 and contiguous");
  CHECK(error_of(take, {x.view(), indices.view()}, {&x}, {0}, native) == "the output does not fit");
  CHECK(error_of(isa::scatterAddAlongAxis, {indices.view(), x.view()}, {&x}, {0}, native) ==
        "the updates do not fit the indices");
  CHECK(error_of(isa::scatterAddAlongAxis, {indices.view(), indices.view()}, {&x}, {0}, native) ==
        "the dtypes of updates and output differ");
}

NABLA_TEST_MAIN
