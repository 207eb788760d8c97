// Every elementwise kernel x dtype x layout x kernel set against a scalar reference of float64 or 64-bit integers.
#include <algorithm>
#include <limits>
#include <string>

#include "core/checks.h"
#include "kernel_runner.h"

namespace nabla_test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kClipLow = -0.75, kClipHigh = 2.5;

enum Set { kFloat = 2, kSigned = 3, kNumber = 4, kBool = 0, kAny = 5 };  // the first so many of kAllDTypes

// The unit in the last place is the tolerance's unit: 0 means the bits of the reference, rounded to the dtype. That
// is right for + - * / and sqrt, which are correctly rounded, so that rounding them to float64 first makes no
// difference.
struct Op {
  const char* name;
  int inputs;
  Set dtypes;
  double (*real)(double a, double b);
  int64_t (*integer)(int64_t a, int64_t b);
  double ulp_float32 = 0, ulp_float64 = 0;
  std::vector<double> attr = {};
  // dy, x -> dy * slope(x): the terms of a slope cancel, so the unit is that of dy, which is finite.
  bool gradient = false;
};

int64_t integer_pow(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint32_t product = 1;
  for (int64_t i = 0; i < exponent; ++i) product *= static_cast<uint32_t>(base);
  return static_cast<int32_t>(product);
}
bool either_nan(double a, double b) { return std::isnan(a) || std::isnan(b); }
double bounded(double x, double least) { return x < least ? least : x; }
double silu_slope(double x) { return x > 1000 ? 1 : (1 + x / (1 + std::exp(x))) / (1 + std::exp(-x)); }
double gelu_slope(double x) {
  return x > 1000 ? 1 : 0.5 * std::erfc(-x * std::sqrt(0.5)) + x * std::exp(-0.5 * x * x) * 0.3989422804014327;
}

// exp, log, tanh, sigmoid: the bounds of cpu/simd/math.h, and of the C library (1) for float64. sigmoid and rsqrt are
// two and three roundings; powf's bound in glibc is below 1.
const Op kOps[] = {
    {"neg", 1, kSigned, [](double a, double) { return -a; }, [](int64_t a, int64_t) { return -a; }},
    {"abs", 1, kNumber, [](double a, double) { return std::fabs(a); },
     [](int64_t a, int64_t) { return a < 0 ? -a : a; }},
    {"sign", 1, kNumber, [](double a, double) { return a > 0    ? 1.
                                                       : a < 0  ? -1.
                                                       : a == 0 ? 0.
                                                                : a; },
     [](int64_t a, int64_t) { return int64_t{a > 0} - int64_t{a < 0}; }},
    {"square", 1, kNumber, [](double a, double) { return a * a; }, [](int64_t a, int64_t) { return a * a; }},
    {"exp", 1, kFloat, [](double a, double) { return std::exp(a); }, nullptr, 1, 1},
    {"log", 1, kFloat, [](double a, double) { return std::log(a); }, nullptr, 1, 1},
    {"sqrt", 1, kFloat, [](double a, double) { return std::sqrt(a); }, nullptr},
    {"rsqrt", 1, kFloat, [](double a, double) { return 1 / std::sqrt(a); }, nullptr, 2, 2},
    {"tanh", 1, kFloat, [](double a, double) { return std::tanh(a); }, nullptr, 3, 2},
    {"sigmoid", 1, kFloat,
     [](double a, double) { return a < 0 ? std::exp(a) / (1 + std::exp(a)) : 1 / (1 + std::exp(-a)); }, nullptr, 3, 3},
    {"relu", 1, kNumber, [](double a, double) { return a < 0 ? 0. : a; },
     [](int64_t a, int64_t) { return a < 0 ? 0 : a; }},
    {"clip",
     1,
     kNumber,
     [](double a, double) { return a < kClipLow    ? kClipLow
                                   : a > kClipHigh ? kClipHigh
                                                   : a; },
     [](int64_t a, int64_t) { return a < 0   ? 0
                                     : a > 2 ? 2
                                             : a; },
     0,
     0,
     {kClipLow, kClipHigh}},
    {"expm1", 1, kFloat, [](double a, double) { return std::expm1(a); }, nullptr, 2, 1},
    {"log1p", 1, kFloat, [](double a, double) { return std::log1p(a); }, nullptr, 2, 1},
    {"sin", 1, kFloat, [](double a, double) { return std::sin(a); }, nullptr, 2, 1},
    {"cos", 1, kFloat, [](double a, double) { return std::cos(a); }, nullptr, 2, 1},
    {"erf", 1, kFloat, [](double a, double) { return std::erf(a); }, nullptr, 2, 1},
    {"floor", 1, kNumber, [](double a, double) { return std::floor(a); }, [](int64_t a, int64_t) { return a; }},
    {"ceil", 1, kNumber, [](double a, double) { return std::ceil(a); }, [](int64_t a, int64_t) { return a; }},
    {"round", 1, kNumber, [](double a, double) { return std::nearbyint(a); }, [](int64_t a, int64_t) { return a; }},
    {"leakyRelu", 1, kFloat, [](double a, double) { return a > 0 ? a : 0.25 * a; }, nullptr, 0, 0, {0.25}},
    {"leakyReluGrad", 2, kFloat, [](double a, double b) { return b > 0 ? a : 0.25 * a; }, nullptr, 1, 1, {0.25}, true},
    {"elu", 1, kFloat, [](double a, double) { return a > 0 ? a : 1.5 * std::expm1(a); }, nullptr, 3, 2, {1, 1.5}},
    {"eluGrad",
     2,
     kFloat,
     [](double a, double b) { return b > 0 ? a : a * (1.5 * std::exp(b)); },
     nullptr,
     4,
     4,
     {1, 1.5},
     true},
    {"silu", 1, kFloat, [](double a, double) { return bounded(a, -1000) / (1 + std::exp(-a)); }, nullptr, 4, 4},
    {"siluGrad",
     2,
     kFloat,
     [](double a, double b) { return a * silu_slope(bounded(b, -1000)); },
     nullptr,
     8,
     8,
     {},
     true},
    {"gelu",
     1,
     kFloat,
     [](double a, double) { return bounded(a, -1000) * 0.5 * std::erfc(a * -std::sqrt(0.5)); },
     nullptr,
     8,
     8,
     {0}},
    {"geluGrad",
     2,
     kFloat,
     [](double a, double b) { return a * gelu_slope(bounded(b, -1000)); },
     nullptr,
     8,
     8,
     {0},
     true},
    {"softplus", 1, kFloat,
     [](double a, double) { return a > 0 ? a + std::log1p(std::exp(-a)) : std::log1p(std::exp(a)); }, nullptr, 4, 2},
    {"softplusGrad", 2, kFloat, [](double a, double b) { return a / (1 + std::exp(-b)); }, nullptr, 4, 4, {}, true},
    {"add", 2, kNumber, [](double a, double b) { return a + b; }, [](int64_t a, int64_t b) { return a + b; }},
    {"sub", 2, kSigned, [](double a, double b) { return a - b; }, [](int64_t a, int64_t b) { return a - b; }},
    {"mul", 2, kNumber, [](double a, double b) { return a * b; }, [](int64_t a, int64_t b) { return a * b; }},
    {"addRelu", 2, kFloat, [](double a, double b) { return a + b < 0 ? 0 : a + b; }, nullptr},
    {"div", 2, kFloat, [](double a, double b) { return a / b; }, nullptr},
    {"pow", 2, kSigned, [](double a, double b) { return std::pow(a, b); }, integer_pow, 1, 1},
    {"maximum", 2, kNumber, [](double a, double b) { return either_nan(a, b) ? kNaN : std::max(b, a); },
     [](int64_t a, int64_t b) { return std::max(a, b); }},
    {"minimum", 2, kNumber, [](double a, double b) { return either_nan(a, b) ? kNaN : std::min(b, a); },
     [](int64_t a, int64_t b) { return std::min(a, b); }},
    {"logicalNot", 1, kBool, nullptr, [](int64_t a, int64_t) { return int64_t{!a}; }},
    {"logicalAnd", 2, kBool, nullptr, [](int64_t a, int64_t b) { return int64_t{a && b}; }},
    {"logicalOr", 2, kBool, nullptr, [](int64_t a, int64_t b) { return int64_t{a || b}; }},
};

struct Compare {
  const char* name;
  bool (*reference)(double a, double b);
  int inputs = 2;
};
const Compare kCompares[] = {
    {"equal", [](double a, double b) { return a == b; }},
    {"notEqual", [](double a, double b) { return a != b; }},
    {"greater", [](double a, double b) { return a > b; }},
    {"greaterEqual", [](double a, double b) { return a >= b; }},
    {"less", [](double a, double b) { return a < b; }},
    {"lessEqual", [](double a, double b) { return a <= b; }},
    {"isNaN", [](double a, double) { return std::isnan(a); }, 1},
};

// Special values at the places that are a multiple of 5, so that a broadcast tensor, too, gets some of them.
double value(DType dtype, int64_t place, uint64_t seed, bool small) {
  static const double reals[] = {0.0,       -0.0,           1,    -1,    kInf, -kInf, kNaN, 0x1p-149,
                                 -0x1p-126, 0x1.fffffep127, 88.7, -103.5};
  static const double integers[] = {0, 1, -1, 2147483647, -2147483648.0, 2, -2, 65536, 46341};
  const double x = number(seed + static_cast<uint64_t>(place));
  const auto pick = [&](const double* list, size_t n) { return list[(static_cast<uint64_t>(place) / 5 + seed) % n]; };
  const bool special = place % 5 == 1;
  switch (dtype) {
    case DType::float32:
    case DType::float64:
      if (special) return pick(reals, 12);
      return static_cast<float>(place % 3 ? x * 4 : x * 100);
    case DType::int32:
      if (small) return std::floor(x * 9);
      return special ? pick(integers, 9) : place % 3 ? std::floor(x * 5) : std::floor(x * 2147483647);
    case DType::uint8: return place % 3 ? std::floor((x + 1) * 3) : std::floor((x + 1) * 128);
    case DType::boolean: return x > 0;
    default: return 0;
  }
}

bool same(DType dtype, double got, double want, double tolerance_ulp) {
  if (std::isnan(want)) return std::isnan(got);
  if (dtype == DType::float32) {
    const double rounded = static_cast<float>(want);
    // A result that overflows when it is rounded may also be the greatest float, which is less than one ulp away.
    if (std::isinf(rounded) && !std::isinf(want) && tolerance_ulp > 0)
      return got == rounded || std::fabs(got) > 0x1.fffffcp127;
    if (tolerance_ulp == 0) want = rounded;
  }
  if (got == want) return want != 0 || std::signbit(got) == std::signbit(want);
  return std::isfinite(got) && std::fabs(got - want) <= tolerance_ulp * ulp(dtype, want);
}
int64_t wrap(DType dtype, int64_t x) {
  return dtype == DType::int32 ? static_cast<int32_t>(static_cast<uint32_t>(x)) : static_cast<uint8_t>(x);
}

bool expect(const Op& op, DType dtype, double a, double b, double got) {
  if (dtype == DType::float32 || dtype == DType::float64) {
    const double tolerance = dtype == DType::float32 ? op.ulp_float32 : op.ulp_float64;
    if (op.gradient && std::fabs(got - op.real(a, b)) <= tolerance * ulp(dtype, a)) return true;
    return same(dtype, got, op.real(a, b), tolerance);
  }
  return got == static_cast<double>(wrap(dtype, op.integer(static_cast<int64_t>(a), static_cast<int64_t>(b))));
}

// Runs `check_all` for 1 and 3 threads on every kernel set; the results' bits must not depend on the threads, and if
// `exact` not on the kernel set (but for the sign and the payload of NaN).
template <typename Run>
void check_targets(TestTensor& out, bool exact, Run&& run) {
  std::vector<double> first;
  for (Isa isa : available_isas()) {
    run(Target{isa, 1});
    const std::vector<Line> bits = out.buffer();
    run(Target{isa, 3});
    CHECK(bits == out.buffer());
    if (!exact) continue;
    std::vector<double> values;
    for (int64_t i = 0; i < out.numel(); ++i) values.push_back(out.at(i));
    if (first.empty()) first = values;
    bool equal = first.size() == values.size();
    for (size_t i = 0; i < values.size() && equal; ++i) {
      equal = std::isnan(first[i]) ? std::isnan(values[i]) : !std::memcmp(&first[i], &values[i], sizeof(double));
    }
    CHECK(equal);
  }
}

std::string describe(const char* op, DType dtype, Layout a, Layout b, int64_t n) {
  return std::string(op) + ", dtype " + std::to_string(static_cast<int>(dtype)) + ", layouts " +
         std::to_string(static_cast<int>(a)) + " " + std::to_string(static_cast<int>(b)) + ", elements " +
         std::to_string(n);
}

void check_op(const Op& op, DType dtype, TestTensor::Shape shape, Layout layout_a, Layout layout_b) {
  if (!in_sample(11)) return;
  TestTensor a(dtype, shape, layout_a), b(dtype, shape, layout_b), out(dtype, shape);
  const bool small = !std::strcmp(op.name, "pow");
  a.fill([&](int64_t i) {
    const double x = value(dtype, i, 1, small);
    return op.gradient && !std::isfinite(x) ? 1 : x;
  });
  b.fill([&](int64_t i) { return value(dtype, i, 7, small); });
  const bool exact = op.ulp_float32 == 0;
  check_targets(out, exact, [&](Target target) {
    if (op.inputs == 1) {
      run_kernel(target, op.name, {&a}, {&out}, op.attr);
    } else {
      run_kernel(target, op.name, {&a, &b}, {&out}, op.attr);
    }
    int64_t wrong = -1;
    for (int64_t i = 0; i < out.numel() && wrong < 0; ++i) {
      if (!expect(op, dtype, a.at(i), b.at(i), out.at(i))) wrong = i;
    }
    if (!CHECK(wrong < 0)) {
      std::printf("    %s: element %lld of %s: f(%.9g, %.9g) gave %.17g\n", name_of(target.isa),
                  static_cast<long long>(wrong), describe(op.name, dtype, layout_a, layout_b, out.numel()).c_str(),
                  a.at(wrong), b.at(wrong), out.at(wrong));
    }
  });
}

void check_compare(const Compare& op, DType dtype, TestTensor::Shape shape, Layout layout_a, Layout layout_b) {
  if (!in_sample(11)) return;
  TestTensor a(dtype, shape, layout_a), b(dtype, shape, layout_b), out(DType::boolean, shape);
  a.fill([&](int64_t i) { return value(dtype, i, 1, true); });
  b.fill([&](int64_t i) { return value(dtype, i, 7, true); });
  check_targets(out, true, [&](Target target) {
    if (op.inputs == 1) {
      run_kernel(target, op.name, {&a}, {&out});
    } else {
      run_kernel(target, op.name, {&a, &b}, {&out});
    }
    bool ok = true;
    for (int64_t i = 0; i < out.numel() && ok; ++i) ok = out.at(i) == op.reference(a.at(i), b.at(i));
    if (!CHECK(ok)) std::printf("    %s\n", describe(op.name, dtype, layout_a, layout_b, out.numel()).c_str());
  });
}

void check_where(DType dtype, TestTensor::Shape shape, Layout layout_condition, Layout layout_a, Layout layout_b) {
  TestTensor condition(DType::boolean, shape, layout_condition), a(dtype, shape, layout_a), b(dtype, shape, layout_b),
      out(dtype, shape);
  condition.fill([&](int64_t i) { return value(DType::boolean, i, 3, false); });
  a.fill([&](int64_t i) { return value(dtype, i, 1, false); });
  b.fill([&](int64_t i) { return value(dtype, i, 7, false); });
  check_targets(out, true, [&](Target target) {
    run_kernel(target, "where", {&condition, &a, &b}, {&out});
    bool ok = true;
    for (int64_t i = 0; i < out.numel() && ok; ++i) ok = same(dtype, out.at(i), condition.at(i) ? a.at(i) : b.at(i), 0);
    if (!CHECK(ok)) std::printf("    %s\n", describe("where", dtype, layout_a, layout_b, out.numel()).c_str());
  });
}

template <typename Body>
void for_each_dtype(Set dtypes, Body&& body) {
  if (dtypes == kBool) body(DType::boolean);
  for (int i = 0; i < static_cast<int>(dtypes); ++i) body(kAllDTypes[i]);
}

// One task, several tasks, tails of every vector width, and none at all.
constexpr int64_t kSizes[] = {0, 1, 2, 15, 16, 17, 31, 33, 1000, 70001};

NABLA_TEST(contiguous) {
  for (const Op& op : kOps) {
    for_each_dtype(op.dtypes, [&](DType dtype) {
      for (int64_t n : kSizes) check_op(op, dtype, {n}, Layout::contiguous, Layout::contiguous);
    });
  }
  for (const Compare& op : kCompares) {
    for (DType dtype : kAllDTypes) {
      for (int64_t n : kSizes) check_compare(op, dtype, {n}, Layout::contiguous, Layout::contiguous);
    }
  }
  for (DType dtype : kAllDTypes) {
    for (int64_t n : kSizes) check_where(dtype, {n}, Layout::contiguous, Layout::contiguous, Layout::contiguous);
  }
}

NABLA_TEST(layouts) {
  for (Layout layout_a : kLayouts) {
    for (Layout layout_b : kLayouts) {
      for (const Op& op : kOps) {
        if (op.inputs == 1 && layout_b != Layout::contiguous) continue;
        for_each_dtype(op.dtypes, [&](DType dtype) {
          check_op(op, dtype, {5, 37}, layout_a, layout_b);
          check_op(op, dtype, {3, 1, 4, 6}, layout_a, layout_b);
        });
      }
      for (const Compare& op : kCompares) {
        for (DType dtype : kAllDTypes) check_compare(op, dtype, {5, 37}, layout_a, layout_b);
      }
      for (Layout layout_condition : kLayouts) {
        for (DType dtype : kAllDTypes) check_where(dtype, {5, 37}, layout_condition, layout_a, layout_b);
      }
    }
  }
}

const Op& find_op(const char* name) {
  return *std::find_if(std::begin(kOps), std::end(kOps), [&](const Op& op) { return !std::strcmp(op.name, name); });
}

// More than one task, with rows that are cut between tasks.
NABLA_TEST(large_layouts) {
  for (Layout layout : kLayouts) {
    for (DType dtype : {DType::float32, DType::int32}) {
      for (const char* name : {"add", "relu"}) {
        const Op& op = find_op(name);
        check_op(op, dtype, {257, 301}, layout, Layout::contiguous);
        check_op(op, dtype, {257, 301}, Layout::contiguous, layout);
      }
      check_compare(kCompares[2], dtype, {257, 301}, layout, Layout::rows);
      check_where(dtype, {257, 301}, layout, Layout::columns, Layout::contiguous);
    }
  }
}

// Results so large that they are streamed past the caches, with ends that are no whole cache line.
NABLA_TEST(streamed) {
  const Op& add = find_op("add");
  check_op(add, DType::float32, {(int64_t{1} << 22) + 17}, Layout::contiguous, Layout::contiguous);
  check_op(add, DType::float32, {2064, 2048}, Layout::contiguous, Layout::rows);
  check_op(add, DType::int32, {2101, 2003}, Layout::columns, Layout::contiguous);
  check_op(find_op("relu"), DType::float64, {1024, 2056}, Layout::transposed, Layout::contiguous);
}

// Rows of whole vectors, which may be repeated or begin anywhere.
NABLA_TEST(rows_of_vectors) {
  for (Layout layout : kLayouts) {
    for (const char* name : {"add", "relu", "geluGrad"}) {
      const Op& op = find_op(name);
      for_each_dtype(op.dtypes, [&](DType dtype) {
        check_op(op, dtype, {6, 48}, layout, Layout::rows);
        check_op(op, dtype, {3, 5, 16}, Layout::columns, layout);
      });
    }
    check_where(DType::uint8, {7, 32}, Layout::columns, layout, Layout::rows);
    check_where(DType::float64, {7, 32}, Layout::rows, Layout::contiguous, layout);
    for (DType dtype : kAllDTypes) check_compare(kCompares[2], dtype, {7, 32}, layout, Layout::columns);
  }
}

// Views that begin `shift` elements after a multiple of every vector's size.
NABLA_TEST(unaligned) {
  for (DType dtype : {DType::float32, DType::float64, DType::int32, DType::uint8}) {
    for (int64_t shift : {1, 2, 3, 4, 8}) {
      for (int64_t n : {1, 5, 31, 1000}) {
        TestTensor a(dtype, {n + 8}), b(dtype, {n + 8}), out(dtype, {n});
        a.fill([&](int64_t i) { return value(dtype, i, 1, false); });
        b.fill([&](int64_t i) { return value(dtype, i, 7, false); });
        TensorView view = a.view(), aligned = b.view();
        view.shape[0] = aligned.shape[0] = n;
        view.data = a.view().as<char>() + shift * nabla::dtype_size(dtype);
        for (Isa isa : available_isas()) {
          call_kernel(find_kernel(isa, "maximum"), {aligned, view}, {out.view()}, {}, pool(1));
          bool ok = true;
          for (int64_t i = 0; i < n; ++i) {
            const double x = b.at(i), y = a.at(i + shift);
            ok = ok && same(dtype, out.at(i), either_nan(x, y) ? kNaN : std::max(y, x), 0);
          }
          CHECK(ok);
        }
      }
    }
  }
}

// As many dimensions as there can be, none of which can be merged.
NABLA_TEST(permuted_rank_8) {
  TestTensor a(DType::float32, {2, 3, 2, 3, 2, 3, 2, 5}), b(DType::float32, {5, 2, 3, 2, 3, 2, 3, 2}),
      out(DType::float32, {5, 2, 3, 2, 3, 2, 3, 2});
  a.fill([&](int64_t i) { return number(static_cast<uint64_t>(i)); });
  b.fill([&](int64_t i) { return number(static_cast<uint64_t>(i + 1000000)); });
  TensorView reversed = a.view();
  for (int d = 0; d < 8; ++d) {
    reversed.shape[d] = a.view().shape[7 - d];
    reversed.stride[d] = a.view().stride[7 - d];
  }
  for (Isa isa : available_isas()) {
    call_kernel(find_kernel(isa, "sub"), {b.view(), reversed}, {out.view()}, {}, pool(1));
    bool ok = true;
    for (int64_t i = 0; i < out.numel(); ++i) {
      int64_t rest = i, place = 0;
      for (int d = 7; d >= 0; --d) {
        place += rest % reversed.shape[d] * reversed.stride[d];
        rest /= reversed.shape[d];
      }
      ok = ok && same(DType::float32, out.at(i), b.at(i) - a.at(place), 0);
    }
    CHECK(ok);
  }
}

NABLA_TEST(scalars_of_rank_0) {
  for (const Op& op : kOps) {
    for_each_dtype(op.dtypes, [&](DType dtype) { check_op(op, dtype, {}, Layout::contiguous, Layout::contiguous); });
  }
}

NABLA_TEST(every_elementwise_op_is_tested) {
  int listed = 0, tested = 0;
  const auto count = [&](const char* name) {
    ++listed;
    for (const Op& op : kOps) tested += !std::strcmp(op.name, name);
    for (const Compare& op : kCompares) tested += !std::strcmp(op.name, name);
    tested += !std::strcmp("where", name);
  };
#define NABLA_UNARY(name, dtypes) count(#name);
#define NABLA_BINARY NABLA_UNARY
#define NABLA_COMPARE NABLA_UNARY
#define NABLA_SELECT NABLA_UNARY
#include "core/elementwise.def"
  CHECK(listed > 0);
  CHECK(listed == tested);
}

template <typename F>
bool throws_native_error(F&& f) {
  try {
    f();
  } catch (const nabla::KernelError& error) {
    return error.kind == nabla::ErrorKind::native && !error.message.empty();
  }
  return false;
}

NABLA_TEST(violations_are_errors) {
  const TestTensor float_a(DType::float32, {4}), float_b(DType::float32, {5}), int_a(DType::int32, {4}),
      bool_a(DType::boolean, {4}), row(DType::float32, {4, 1});
  for (Isa isa : available_isas()) {
    const Target t{isa, 1};
    CHECK(throws_native_error([&] { run_kernel(t, "add", {&float_a, &float_b}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "add", {&float_a, &row}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "add", {&float_a, &int_a}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "add", {&bool_a, &bool_a}, {&bool_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "exp", {&int_a}, {&int_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "clip", {&float_a}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "gelu", {&float_a}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "elu", {&float_a}, {&float_a}, {1}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "silu", {&int_a}, {&int_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "siluGrad", {&float_a, &int_a}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "siluGrad", {&float_b, &float_a}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "isNaN", {&float_a}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "logicalNot", {&float_a}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "less", {&float_a, &float_a}, {&float_a}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "where", {&float_a, &float_a, &float_a}, {&float_a}); }));
  }
}

}  // namespace
}  // namespace nabla_test

NABLA_TEST_MAIN
