// sum, mean, prod, max, min, all, any, argMax, argMin, variance, logSumExp and norm against naive loops.
#include <cmath>
#include <limits>

#include "op_call.h"

using namespace nabla_test;
using nabla::TensorView;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

double load(const TensorView& x, int64_t offset) {
  switch (x.dtype) {
    case DType::float32: return static_cast<double>(x.as<float>()[offset]);
    case DType::float64: return x.as<double>()[offset];
    case DType::int32: return x.as<int32_t>()[offset];
    default: return x.as<uint8_t>()[offset];
  }
}

struct Reduced {
  Shape shape;
  int64_t count = 1;
  std::vector<double> sum, magnitude, max, min;
};

// The most naive loop: one index after another in row-major order.
Reduced reference(const TensorView& x, int mask) {
  Reduced r;
  int64_t out_stride[nabla::kMaxRank] = {}, outputs = 1;
  for (int i = x.rank - 1; i >= 0; --i) {
    if (mask >> i & 1) {
      r.count *= x.shape[i];
    } else {
      out_stride[i] = outputs;
      outputs *= x.shape[i];
      r.shape.insert(r.shape.begin(), x.shape[i]);
    }
  }
  const size_t n = static_cast<size_t>(outputs);
  r.sum.assign(n, 0), r.magnitude.assign(n, 0), r.max.assign(n, -kInf), r.min.assign(n, kInf);
  const int64_t numel = x.numel();
  int64_t index[nabla::kMaxRank] = {};
  for (int64_t i = 0; i < numel; ++i) {
    int64_t in_offset = 0, out_offset = 0;
    for (int d = 0; d < x.rank; ++d) {
      in_offset += index[d] * x.stride[d];
      out_offset += index[d] * out_stride[d];
    }
    const double value = load(x, in_offset);
    const size_t o = static_cast<size_t>(out_offset);
    r.sum[o] += value;
    r.magnitude[o] += std::fabs(value);
    if (!(value <= r.max[o])) r.max[o] = std::isnan(r.max[o]) ? r.max[o] : value;
    if (!(value >= r.min[o])) r.min[o] = std::isnan(r.min[o]) ? r.min[o] : value;
    for (int d = x.rank - 1; d >= 0 && ++index[d] == x.shape[d]; --d) index[d] = 0;
  }
  return r;
}

// Checks all four reductions of a view.
void check_view(const TensorView& x, int mask) {
  if (!in_sample(7)) return;
  const Reduced want = reference(x, mask);
  const bool is_float = x.dtype == DType::float32 || x.dtype == DType::float64;
  const double unit = x.dtype == DType::float64 ? 0x1p-53 : 0x1p-24;
  // The bound of reduce.cc, doubled for the float64 reference's own rounding; integers are exact.
  const double additions = is_float ? (80 + std::log2(static_cast<double>(want.count) + 1)) * unit * 2 : 0;
  const std::vector<double> attr{static_cast<double>(mask)};
  const int64_t outputs = product(want.shape);
  {
    Array out(is_float ? x.dtype : DType::int32, want.shape);
    run_op(isa::sum, {x}, {&out}, attr);
    for (int64_t i = 0; i < outputs; ++i) {
      const size_t o = static_cast<size_t>(i);
      CHECK_NEAR(out[i], want.sum[o], additions * want.magnitude[o]);
    }
  }
  {
    Array out(is_float ? x.dtype : DType::float32, want.shape);
    run_op(isa::mean, {x}, {&out}, attr);
    for (int64_t i = 0; i < outputs; ++i) {
      const size_t o = static_cast<size_t>(i);
      const double n = static_cast<double>(want.count), mean = want.sum[o] / n;
      // One more rounding for the quotient.
      CHECK_NEAR(out[i], mean, additions * want.magnitude[o] / n + std::fabs(mean) * unit);
    }
  }
  if (want.count == 0) return;
  Array greatest(x.dtype, want.shape), least(x.dtype, want.shape);
  run_op(isa::max, {x}, {&greatest}, attr);
  run_op(isa::min, {x}, {&least}, attr);
  for (int64_t i = 0; i < outputs; ++i) {
    CHECK_NEAR(greatest[i], want.max[static_cast<size_t>(i)], 0);
    CHECK_NEAR(least[i], want.min[static_cast<size_t>(i)], 0);
  }
}

Array sample_array(DType dtype, const Shape& shape, uint64_t seed = 1) {
  return Array(dtype, shape, [&](int64_t i) {
    const double u = fraction(seed, static_cast<uint64_t>(i));
    switch (dtype) {
      case DType::int32: return std::floor((u - 0.5) * 2000);
      case DType::uint8: return std::floor(u * 256);
      default: return u - 0.25;
    }
  });
}

const DType kDTypes[] = {DType::float32, DType::float64, DType::int32, DType::uint8};
const int64_t kSizes[] = {0, 1, 2, 3, 15, 16, 17, 31, 33, 100, 1009, 70001};

}  // namespace

NABLA_TEST(vectors) {
  for (DType dtype : kDTypes) {
    for (int64_t n : kSizes) {
      Array x = sample_array(dtype, {n});
      check_view(x.view(), 0);
      check_view(x.view(), 1);
    }
  }
}

NABLA_TEST(rows_and_columns) {
  for (DType dtype : kDTypes) {
    for (int64_t n : {0, 1, 2, 3, 7, 8, 9, 15, 17, 33, 257, 1009}) {
      // 4, 8 and 16 registers of every width among them.
      for (int64_t m : {1, 2, 3, 5, 16, 31, 32, 64, 128, 256, 600}) {
        Array x = sample_array(dtype, {n, m});
        check_view(x.view(), 1);
        check_view(x.view(), 2);
      }
    }
  }
}

// Shapes on both sides of the limits at which reduce.cc splits one output's elements among tasks.
NABLA_TEST(large) {
  for (const Shape& shape : {Shape{3, 300000}, Shape{300000, 3}, Shape{2, 70001, 5}, Shape{5000, 768}, Shape{40, 9000},
                             Shape{1, 70001}, Shape{257, 1025}, Shape{2100000}}) {
    Array x = sample_array(DType::float32, shape);
    for (int mask = 1; mask < 1 << shape.size(); ++mask) check_view(x.view(), mask);
  }
  Array x = sample_array(DType::int32, {3, 100000});
  check_view(x.view(), 2);
  Array y = sample_array(DType::float64, {100000, 3});
  check_view(y.view(), 1);
}

NABLA_TEST(all_axes_masks) {
  for (const Shape& shape :
       {Shape{}, Shape{2, 3, 4, 5, 6}, Shape{1, 17, 1, 33, 2}, Shape{3, 0, 5}, Shape{9, 1, 40, 3}, Shape{6, 70, 11}}) {
    for (DType dtype : {DType::float32, DType::int32}) {
      Array x = sample_array(dtype, shape);
      for (int mask = 0; mask < 1 << shape.size(); ++mask) check_view(x.view(), mask);
    }
  }
}

NABLA_TEST(strided_views) {
  const int orders[][4] = {{3, 2, 1, 0}, {1, 0, 2, 3}, {0, 3, 1, 2}, {2, 0, 3, 1}};
  for (DType dtype : {DType::float32, DType::float64, DType::uint8}) {
    for (const Shape& shape : {Shape{3, 4, 5, 6}, Shape{2, 300, 2, 33}, Shape{1, 9, 1, 2}}) {
      Array base = sample_array(dtype, shape);
      const TensorView whole = base.view();
      for (const auto& order : orders) {
        TensorView permuted = whole, reversed = whole;
        for (int d = 0; d < 4; ++d) {
          permuted.shape[d] = whole.shape[order[d]];
          permuted.stride[d] = whole.stride[order[d]];
        }
        // Every other element of axis 1, backwards along axis 3, and axis 0 repeated.
        reversed.data = whole.as<uint8_t>() + (whole.shape[3] - 1) * nabla::dtype_size(dtype);
        reversed.stride[3] = -1;
        reversed.stride[1] *= 2;
        reversed.shape[1] = (whole.shape[1] + 1) / 2;
        reversed.stride[0] = 0;
        reversed.shape[0] = 3;
        for (int mask = 0; mask < 16; ++mask) {
          check_view(permuted, mask);
          check_view(reversed, mask);
        }
      }
    }
  }
}

NABLA_TEST(special_values) {
  for (const Shape& shape :
       {Shape{7}, Shape{1009}, Shape{4, 600}, Shape{600, 4}, Shape{200, 300}, Shape{70, 64}, Shape{200, 128}}) {
    for (double special : {kNaN, kInf, -kInf, -0.0}) {
      for (int64_t place : {int64_t{0}, int64_t{3}, product(shape) / 2, product(shape) - 1}) {
        Array x = sample_array(DType::float32, shape);
        x.set(place, special);
        for (int mask = 1; mask < 1 << shape.size(); ++mask) check_view(x.view(), mask);
      }
    }
  }
}

NABLA_TEST(int32_sum_wraps) {
  Array x(DType::int32, {3}, [](int64_t i) { return i == 1 ? 5 : 2147483647; });
  Array out(DType::int32, {});
  run_op(isa::sum, {x.view()}, {&out}, {1});
  CHECK_NEAR(out[0], 3, 0);  // 2^32 + 3
  Array mean(DType::float32, {});
  run_op(isa::mean, {x.view()}, {&mean}, {1});
  CHECK_NEAR(mean[0], 4294967299.0 / 3, 64);  // half a unit of float32 at 1.4e9
}

// A sum in one accumulator would be off by 1e-3 and more.
NABLA_TEST(long_float32_sums_are_accurate) {
  for (const Shape& shape : {Shape{4000000}, Shape{4000000, 1}, Shape{2000000, 2}}) {
    Array x(DType::float32, shape, [](int64_t) { return 0.1; });
    Array out(DType::float32, Shape(shape.begin() + 1, shape.end()));
    run_op(isa::sum, {x.view()}, {&out}, {1});
    const double want = static_cast<double>(0.1f) * static_cast<double>(shape[0]);
    CHECK_NEAR(out[0], want, want * 1e-6);
  }
}

NABLA_TEST(arg_max_and_min) {
  for (DType dtype : kDTypes) {
    for (const Shape& shape :
         {Shape{1}, Shape{2}, Shape{63}, Shape{64}, Shape{65}, Shape{1009}, Shape{70001}, Shape{3, 0}, Shape{4, 5, 6},
          Shape{3, 1009}, Shape{1009, 3}, Shape{5, 130, 300}, Shape{700, 1000}, Shape{2, 100, 1}}) {
      for (int special = 0; special < 3; ++special) {
        // Few different values, so that there are ties.
        Array x(dtype, shape, [&](int64_t i) { return std::floor(fraction(7, static_cast<uint64_t>(i)) * 50); });
        if (special && (dtype == DType::int32 || dtype == DType::uint8)) continue;
        if (special && x.size() > 0) {
          x.set(x.size() / 2, kNaN);
          if (special == 2) x.set(x.size() / 3, kNaN);
        }
        for (size_t axis = 0; axis < shape.size(); ++axis) {
          Shape kept = shape;
          kept.erase(kept.begin() + static_cast<int64_t>(axis));
          if (shape[axis] == 0) continue;
          Array greatest(DType::int32, kept), least(DType::int32, kept);
          run_op(isa::argMax, {x.view()}, {&greatest}, {static_cast<double>(axis)});
          run_op(isa::argMin, {x.view()}, {&least}, {static_cast<double>(axis)});
          CHECK(greatest.size() == product(kept));
          const int64_t inner = product(Shape(shape.begin() + static_cast<int64_t>(axis) + 1, shape.end()));
          for (int64_t o = 0; o < product(kept); ++o) {
            const int64_t begin = o / inner * inner * shape[axis] + o % inner;
            int64_t best = 0, worst = 0;
            for (int64_t i = 1; i < shape[axis]; ++i) {
              const double value = x[begin + i * inner], max = x[begin + best * inner], min = x[begin + worst * inner];
              if (!std::isnan(max) && !(value <= max)) best = i;
              if (!std::isnan(min) && !(value >= min)) worst = i;
            }
            CHECK_NEAR(greatest[o], static_cast<double>(best), 0);
            CHECK_NEAR(least[o], static_cast<double>(worst), 0);
          }
        }
      }
    }
  }
}

NABLA_TEST(products_and_truths) {
  for (const Shape& shape :
       {Shape{0}, Shape{1}, Shape{33}, Shape{3, 17}, Shape{17, 3}, Shape{2, 70001}, Shape{70001, 2}, Shape{4, 5, 6}}) {
    const int64_t n = product(shape);
    for (int mask = 0; mask < 1 << shape.size(); ++mask) {
      // Few factors are not 1 or -1, so that no product is too large.
      Array factors(DType::float32, shape, [&](int64_t i) { return i % 1013 == 5 ? 1.5 : i % 3 == 0 ? -1 : 1; });
      Array integers(DType::int32, shape, [&](int64_t i) { return i % 7 == 0 ? 3 : i % 5 == 0 ? -1 : 1; });
      Array flags(DType::boolean, shape, [&](int64_t i) { return i % 1009 != 4; });
      Array no_flags(DType::boolean, shape, [&](int64_t i) { return i % 1009 == 4; });
      const Shape kept = reference(factors.view(), mask).shape;
      const size_t outputs = static_cast<size_t>(product(kept));
      std::vector<double> want(outputs, 1);
      std::vector<uint32_t> wrapped(outputs, 1);
      std::vector<bool> all(outputs, true), any(outputs, false);
      for (int64_t i = 0; i < n; ++i) {
        int64_t rest = i, output = 0, stride = 1;
        for (int d = static_cast<int>(shape.size()) - 1; d >= 0; --d) {
          const int64_t size = shape[static_cast<size_t>(d)];
          if (!(mask >> d & 1)) output += rest % size * stride, stride *= size;
          rest /= size;
        }
        const size_t o = static_cast<size_t>(output);
        want[o] *= factors[i];
        wrapped[o] *= static_cast<uint32_t>(static_cast<int32_t>(integers[i]));
        all[o] = all[o] && flags[i] != 0;
        any[o] = any[o] || no_flags[i] != 0;
      }
      const std::vector<double> attr{static_cast<double>(mask)};
      Array product_out(DType::float32, kept), integer_out(DType::int32, kept);
      Array all_out(DType::boolean, kept), any_out(DType::boolean, kept);
      run_op(isa::prod, {factors.view()}, {&product_out}, attr);
      run_op(isa::prod, {integers.view()}, {&integer_out}, attr);
      run_op(isa::all, {flags.view()}, {&all_out}, attr);
      run_op(isa::any, {no_flags.view()}, {&any_out}, attr);
      for (int64_t i = 0; i < product_out.size(); ++i) {
        const size_t o = static_cast<size_t>(i);
        // At most 140 roundings.
        CHECK_NEAR(product_out[i], want[o], std::fabs(want[o]) * 140 * 0x1p-24);
        CHECK_NEAR(integer_out[i], static_cast<int32_t>(wrapped[o]), 0);
        CHECK_NEAR(all_out[i], all[o], 0);
        CHECK_NEAR(any_out[i], any[o], 0);
      }
    }
  }
}

// variance, logSumExp and norm, whose rows are cut into segments.
NABLA_TEST(folds_of_rows) {
  for (DType dtype : {DType::float32, DType::float64}) {
    const double unit = dtype == DType::float64 ? 0x1p-53 : 0x1p-24;
    for (const Shape& shape : {Shape{0, 3}, Shape{3, 0}, Shape{5, 1}, Shape{300, 3}, Shape{7, 33}, Shape{4, 1009},
                               Shape{3, 5000}, Shape{2, 70001}, Shape{1, 300000}, Shape{70, 8192}}) {
      const int64_t rows = shape[0], n = shape[1];
      Array x(dtype, shape, [&](int64_t i) { return 100 + 4 * fraction(3, static_cast<uint64_t>(i)); });
      const auto check = [&](nabla::Kernel kernel, std::vector<double> attr, double tolerance, auto&& want) {
        attr.insert(attr.begin(), static_cast<double>(n));
        Array out(dtype, {rows});
        run_op(kernel, {x.view()}, {&out}, attr);
        for (int64_t r = 0; r < rows; ++r) {
          const double expected = static_cast<double>(want(r * n));
          CHECK_NEAR(out[r], expected, tolerance * std::fabs(expected));
        }
      };
      const auto sum = [&](int64_t begin, auto&& term) {
        long double total = 0;
        for (int64_t i = begin; i < begin + n; ++i) total += term(static_cast<long double>(x[i]));
        return total;
      };
      for (double ddof : {0.0, 1.0}) {
        const auto variance = [&](int64_t begin) {
          const long double mean = sum(begin, [](long double v) { return v; }) / static_cast<long double>(n);
          const long double squares = sum(begin, [&](long double v) { return (v - mean) * (v - mean); });
          const double freedom = static_cast<double>(n) - ddof;
          return squares / static_cast<long double>(freedom > 0 ? freedom : 0);
        };
        // Squares of differences that are rounded where the mean is 100 times the deviation.
        check(isa::variance, {ddof, 0}, unit * 200, variance);
        check(isa::variance, {ddof, 1}, unit * 200, [&](int64_t begin) { return std::sqrt(variance(begin)); });
      }
      check(isa::logSumExp, {}, unit * 8,
            [&](int64_t begin) { return 100 + std::log(sum(begin, [](long double v) { return std::exp(v - 100); })); });
      for (double p : {1.0, 2.0, 3.0, 0.5}) {
        check(isa::norm, {p}, unit * 100, [&](int64_t begin) {
          return std::pow(sum(begin, [&](long double v) { return std::pow(v, static_cast<long double>(p)); }),
                          1.0L / p);
        });
      }
      check(isa::norm, {kInf}, 0, [&](int64_t begin) {
        double greatest = 0;
        for (int64_t i = begin; i < begin + n; ++i) greatest = x[i] > greatest ? x[i] : greatest;
        return greatest;
      });
    }
  }
}

NABLA_TEST(special_values_of_rows) {
  for (int64_t n : {7, 1009, 70001}) {
    // Row 0: NaN; row 1: Infinity; row 2: nothing but -Infinity; row 3: -Infinity and ones.
    Array x(DType::float32, {4, n}, [&](int64_t i) {
      const int64_t row = i / n, at = i % n;
      if (row == 2) return -kInf;
      if (at != n / 2) return 1.0;
      return row == 0 ? kNaN : row == 1 ? kInf : -kInf;
    });
    Array out(DType::float32, {4});
    const std::vector<double> attr{static_cast<double>(n)};
    run_op(isa::logSumExp, {x.view()}, {&out}, attr);
    CHECK(std::isnan(out[0]) && out[1] == kInf && out[2] == -kInf);
    CHECK_NEAR(out[3], 1 + std::log(static_cast<double>(n - 1)), 1e-5);
    run_op(isa::norm, {x.view()}, {&out}, {attr[0], kInf});
    CHECK(std::isnan(out[0]) && out[1] == kInf && out[2] == kInf && out[3] == kInf);
    run_op(isa::variance, {x.view()}, {&out}, {attr[0], 0, 0});
    CHECK(std::isnan(out[0]) && std::isnan(out[1]) && std::isnan(out[2]) && std::isnan(out[3]));
  }
}

NABLA_TEST(errors) {
  Array x(DType::float32, {2, 3}, [](int64_t i) { return i; });
  Array out(DType::float32, {2}), index(DType::int32, {2});
  CHECK(error_of(isa::sum, {x.view()}, {&out}, {4}, nabla::ErrorKind::native) == "the axes are out of range");
  CHECK(error_of(isa::sum, {x.view()}, {&out}, {1}, nabla::ErrorKind::native) == "the output's size is wrong");
  CHECK(error_of(isa::argMax, {x.view()}, {&index}, {2}, nabla::ErrorKind::native) == "the axis is out of range");
  Array flags(DType::boolean, {2}, [](int64_t) { return 1; });
  Array one(DType::int32, {});
  CHECK(error_of(isa::sum, {flags.view()}, {&one}, {1}, nabla::ErrorKind::native) == "the dtype is not supported");
}

NABLA_TEST_MAIN
