// argSort and topK against the standard library's stable sort.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "op_call.h"

using namespace nabla_test;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const DType kDTypes[] = {DType::float32, DType::float64, DType::int32, DType::uint8, DType::boolean};

// Few different values, so that the order of equals shows; among floats also those that are not numbers.
Array sample(DType dtype, const Shape& shape, uint64_t seed) {
  const bool floats = dtype == DType::float32 || dtype == DType::float64;
  const int64_t n = shape.back();
  return Array(dtype, shape, [&](int64_t i) {
    const double u = fraction(seed, static_cast<uint64_t>(i));
    if (dtype == DType::boolean) return std::floor(u * 2);
    if (dtype == DType::uint8) return std::floor(u * 256);
    const double value = std::floor((u - 0.5) * static_cast<double>(n + 1));
    if (!floats) return value * 1000003;
    const double special[] = {kNan, -kNan, kInfinity, -kInfinity, 0.0, -0.0, 5e-324, -5e-324};
    if (i % 11 == 3) return special[i / 11 % 8];
    return value * 0.25;
  });
}

// The places of one row in order.
std::vector<int64_t> places_in_order(const Array& x, int64_t first, int64_t n, bool descending) {
  std::vector<int64_t> places(static_cast<size_t>(n));
  std::iota(places.begin(), places.end(), 0);
  // NaN is the greatest.
  const auto less = [](double a, double b) { return a < b || (!std::isnan(a) && std::isnan(b)); };
  std::stable_sort(places.begin(), places.end(), [&](int64_t i, int64_t j) {
    const double a = x[first + i], b = x[first + j];
    return descending ? less(b, a) : less(a, b);
  });
  return places;
}

void check_arg_sort(DType dtype, int64_t rows, int64_t n) {
  Array x = sample(dtype, {rows, n}, static_cast<uint64_t>(rows + n)), out(DType::int32, {rows, n});
  for (bool descending : {false, true}) {
    run_op(isa::argSort, {x.view()}, {&out}, {descending ? 1.0 : 0.0});
    bool equal = true;
    for (int64_t r = 0; r < rows; ++r) {
      const std::vector<int64_t> want = places_in_order(x, r * n, n, descending);
      for (int64_t i = 0; i < n; ++i)
        equal = equal && out[r * n + i] == static_cast<double>(want[static_cast<size_t>(i)]);
    }
    CHECK(equal);
  }
}

void check_top_k(DType dtype, int64_t rows, int64_t n, int64_t k) {
  Array x = sample(dtype, {rows, n}, static_cast<uint64_t>(rows + n + k)), out(DType::int32, {rows, k});
  for (bool sorted : {true, false}) {
    run_op(isa::topK, {x.view()}, {&out}, {static_cast<double>(k), sorted ? 1.0 : 0.0});
    bool equal = true;
    for (int64_t r = 0; r < rows; ++r) {
      std::vector<int64_t> want = places_in_order(x, r * n, n, true), got;
      want.resize(static_cast<size_t>(k));
      for (int64_t i = 0; i < k; ++i) got.push_back(static_cast<int64_t>(out[r * k + i]));
      if (!sorted) {
        std::sort(want.begin(), want.end());
        std::sort(got.begin(), got.end());
      }
      equal = equal && got == want;
    }
    CHECK(equal);
  }
}

}  // namespace

NABLA_TEST(sorts_rows) {
  for (DType dtype : kDTypes) {
    for (int64_t n : {1, 2, 3, 5, 16, 31, 48, 49, 64, 100, 257, 1000}) check_arg_sort(dtype, 7, n);
    check_arg_sort(dtype, 1000, 3);
    check_arg_sort(dtype, 513, 17);
  }
}

// Around powers of two, where tiles and runs end.
NABLA_TEST(sorts_long_rows) {
  for (DType dtype : kDTypes) {
    for (int64_t n : {1023, 1024, 1025, 2047, 2049, 3000, 4096, 4097, 10000}) check_arg_sort(dtype, 3, n);
  }
  check_arg_sort(DType::float32, 1, 100003);
  check_arg_sort(DType::float64, 1, 70001);
}

NABLA_TEST(finds_the_greatest) {
  for (DType dtype : kDTypes) {
    for (int64_t n : {1, 2, 10, 100, 1000}) {
      for (int64_t k : {int64_t{1}, n / 2, n}) check_top_k(dtype, 5, n, k);
    }
    for (int64_t n : {1025, 5000}) {
      for (int64_t k : {int64_t{1}, int64_t{255}, int64_t{256}, int64_t{257}, int64_t{1024}, n - 1}) {
        check_top_k(dtype, 2, n, k);
      }
    }
  }
  check_top_k(DType::float32, 1, 100003, 50);
  check_top_k(DType::float32, 1, 40000, 256);
}

NABLA_TEST(nothing_to_sort) {
  Array none(DType::float32, {3, 0}), empty(DType::int32, {3, 0}),
      x(DType::float32, {3, 2}, [](int64_t i) { return i; });
  run_op(isa::argSort, {none.view()}, {&empty}, {0});
  run_op(isa::topK, {none.view()}, {&empty}, {0, 1});
  run_op(isa::topK, {x.view()}, {&empty}, {0, 1});
  CHECK(empty.size() == 0);
}

NABLA_TEST(impossible_commands_are_errors) {
  const auto native = nabla::ErrorKind::native;
  Array x(DType::float32, {3, 2}, [](int64_t i) { return i; }), out(DType::int32, {3, 2}),
      floats(DType::float32, {3, 2});
  CHECK(error_of(isa::argSort, {x.view()}, {&floats}, {0}, native) == "the output must be int32");
  CHECK(error_of(isa::topK, {x.view()}, {&out}, {3, 1}, native) == "k is out of range");
  CHECK(error_of(isa::topK, {x.view()}, {&out}, {1, 1}, native) == "the output's size is wrong");
}

NABLA_TEST_MAIN
