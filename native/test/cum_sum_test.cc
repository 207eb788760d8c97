// cumSum against a naive loop.
#include <cmath>
#include <limits>

#include "op_call.h"

using namespace nabla_test;

namespace {

struct Case {
  Shape shape;
  int axis;
};

const Case kCases[] = {
    {{1}, 0},         {{5}, 0},         {{0}, 0},          {{3, 0}, 0},       {{0, 3}, 0},
    {{33}, 0},        {{512}, 0},       {{513}, 0},        {{1024}, 0},       {{1025}, 0},
    {{16384}, 0},     {{70001}, 0},     {{300000}, 0},     {{7, 3}, 0},       {{7, 3}, 1},
    {{1000, 5}, 1},   {{3, 700}, 1},    {{2, 20000}, 1},   {{20000, 2}, 0},   {{5000, 17}, 0},
    {{3, 130, 5}, 1}, {{2, 300, 4}, 1}, {{4, 5, 6, 7}, 2}, {{100, 40000}, 0}, {{2, 100, 700}, 1},
};

// Checks the result against sums in float64, forwards and backwards, with and without the element itself.
template <typename Equal>
void check_case(const Case& c, Array& x, Equal&& equal) {
  const bool floats = x.dtype() == DType::float32 || x.dtype() == DType::float64;
  const auto axis = static_cast<size_t>(c.axis);
  const int64_t n = c.shape[axis];
  const int64_t inner = product(Shape(c.shape.begin() + c.axis + 1, c.shape.end()));
  for (bool exclusive : {false, true}) {
    for (bool reverse : {false, true}) {
      Array out(floats ? x.dtype() : DType::int32, c.shape);
      run_op(isa::cumSum, {x.view()}, {&out},
             {static_cast<double>(c.axis), exclusive ? 1.0 : 0.0, reverse ? 1.0 : 0.0});
      bool right = true;
      for (int64_t line = 0; line < (n > 0 ? x.size() / n : 0); ++line) {
        double sum = 0, magnitude = 0;
        for (int64_t k = 0; k < n; ++k) {
          const int64_t at = (line / inner * n + (reverse ? n - 1 - k : k)) * inner + line % inner;
          const double before = sum;
          sum += x[at];
          if (!exclusive) magnitude += std::fabs(x[at]);
          right = right && equal(out[at], exclusive ? before : sum, magnitude);
          if (exclusive) magnitude += std::fabs(x[at]);
        }
      }
      CHECK(right);
    }
  }
}

}  // namespace

NABLA_TEST(floats) {
  for (const Case& c : kCases) {
    for (DType dtype : {DType::float32, DType::float64}) {
      Array x = random_array(dtype, c.shape, 1);
      check_case(c, x, [&](double got, double want, double magnitude) {
        // Sums in double, however they are grouped; float32 is rounded once.
        const double rounding = dtype == DType::float32 ? std::fabs(want) * 0x1p-24 : 0;
        return std::fabs(got - want) <= rounding + magnitude * 1e-13;
      });
    }
  }
}

NABLA_TEST(integers) {
  for (const Case& c : kCases) {
    for (DType dtype : {DType::int32, DType::uint8, DType::boolean}) {
      Array x(dtype, c.shape, [&](int64_t i) {
        const double u = fraction(2, static_cast<uint64_t>(i));
        return std::floor(dtype == DType::boolean ? u * 2 : dtype == DType::uint8 ? u * 256 : (u - 0.5) * 4e9);
      });
      check_case(c, x, [](double got, double want, double) {
        // int32 wraps; the sums of a case are exact in double.
        return std::fmod(got - want, 4294967296.0) == 0;
      });
    }
  }
}

// What comes before an infinity or NaN is not touched by it.
NABLA_TEST(special_values) {
  for (int64_t n : {3, 700, 20000}) {
    Array x(DType::float32, {n}, [&](int64_t i) { return i == n - 2 ? HUGE_VAL : 1; }), out(DType::float32, {n});
    for (double exclusive : {0.0, 1.0}) {
      run_op(isa::cumSum, {x.view()}, {&out}, {0, exclusive, 0});
      const int64_t first = exclusive != 0 ? n - 1 : n - 2;
      bool right = true;
      for (int64_t i = 0; i < n; ++i) {
        right = right && out[i] == (i < first ? static_cast<double>(exclusive != 0 ? i : i + 1) : HUGE_VAL);
      }
      CHECK(right);
    }
  }
  Array zero(DType::float64, {1}, [](int64_t) { return -0.0; }), out(DType::float64, {1});
  run_op(isa::cumSum, {zero.view()}, {&out}, {0, 0, 0});
  CHECK(!std::signbit(out[0]));
}

NABLA_TEST(impossible_commands_are_errors) {
  Array x(DType::float32, {3}, [](int64_t i) { return i; }), out(DType::int32, {3}), right(DType::float32, {3});
  const auto native = nabla::ErrorKind::native;
  CHECK(error_of(isa::cumSum, {x.view()}, {&right}, {1, 0, 0}, native) == "the axis is out of range");
  CHECK(error_of(isa::cumSum, {x.view()}, {&out}, {0, 0, 0}, native) == "x must be contiguous and like the output");
}

NABLA_TEST_MAIN
