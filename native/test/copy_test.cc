// copy, assign, cast, fill, constant and arange: every dtype, layout and kernel set.
#include <limits>

#include "core/checks.h"
#include "kernel_runner.h"

namespace nabla_test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double distinct(DType dtype, int64_t place) {
  if (dtype == DType::boolean) return number(static_cast<uint64_t>(place)) > 0;
  return static_cast<double>(dtype == DType::uint8 ? place * 7 % 256 : place);
}

template <typename Body>
void for_each_target(Body&& body) {
  for (Isa isa : available_isas()) {
    for (int threads : {1, 3}) body(Target{isa, threads});
  }
}

bool same_values(const TestTensor& a, const TestTensor& b) {
  bool same = a.numel() == b.numel();
  for (int64_t i = 0; i < a.numel() && same; ++i) same = a.at(i) == b.at(i);
  return same;
}

// Tiles with and without remainders, dimensions too short for tiles, and more than one task.
void check_copy(TestTensor::Shape shape, Layout layout) {
  if (!in_sample(3)) return;
  for (DType dtype : kStoredDTypes) {
    TestTensor source(dtype, shape, layout);
    source.fill([&](int64_t i) { return distinct(dtype, i); });
    for_each_target([&](Target target) {
      TestTensor out(dtype, shape);
      run_kernel(target, "copy", {&source}, {&out});
      CHECK(same_values(out, source));
    });
  }
}

NABLA_TEST(copy) {
  for (Layout layout : kLayouts) {
    check_copy({}, layout);
    check_copy({0}, layout);
    check_copy({3, 0, 2}, layout);
    check_copy({1}, layout);
    check_copy({70001}, layout);
    check_copy({5, 7}, layout);
    check_copy({64, 128}, layout);
    check_copy({131, 300}, layout);
    check_copy({3, 17, 9, 2}, layout);
    check_copy({2, 3, 40, 70}, layout);
  }
}

// Results so large that they are streamed past the caches.
NABLA_TEST(copy_streamed) {
  const auto check = [](DType dtype, TestTensor::Shape shape, Layout layout) {
    TestTensor source(dtype, shape, layout);
    source.fill([&](int64_t i) { return distinct(dtype, i); });
    for_each_target([&](Target target) {
      TestTensor out(dtype, shape);
      run_kernel(target, "copy", {&source}, {&out});
      CHECK(same_values(out, source));
    });
  };
  check(DType::float32, {2064, 2048}, Layout::contiguous);
  check(DType::float32, {2064, 2048}, Layout::rows);
  check(DType::float32, {2064, 2048}, Layout::transposed);
  check(DType::float32, {2101, 2003}, Layout::transposed);
  check(DType::float64, {1032, 2048}, Layout::transposed);
}

// A permutation of three dimensions, as between channels last and channels first.
NABLA_TEST(copy_permuted) {
  for (DType dtype : kStoredDTypes) {
    TestTensor source(dtype, {4, 33, 70}, Layout::contiguous);
    source.fill([&](int64_t i) { return distinct(dtype, i); });
    nabla::TensorView permuted = source.view();
    const int order[] = {0, 2, 1};
    for (int d = 0; d < 3; ++d) {
      permuted.shape[d] = source.view().shape[order[d]];
      permuted.stride[d] = source.view().stride[order[d]];
    }
    for_each_target([&](Target target) {
      TestTensor out(dtype, {4, 70, 33});
      call_kernel(find_kernel(target.isa, "copy"), {permuted}, {out.view()}, {}, pool(target.threads));
      bool ok = true;
      for (int64_t i = 0; i < out.numel(); ++i) {
        const int64_t plane = i / (70 * 33), x = i / 33 % 70, y = i % 33;
        ok = ok && out.at(i) == source.at((plane * 33 + y) * 70 + x);
      }
      CHECK(ok);
    });
  }
}

// Rows that begin anywhere and are whole numbers of large, small and no pieces.
NABLA_TEST(copy_unaligned_rows) {
  for (DType dtype : kStoredDTypes) {
    for (int64_t columns : {1, 2, 3, 4, 6, 8, 12, 16, 32, 48}) {
      for (int64_t shift : {0, 1, 2, 4, 8}) {
        TestTensor source(dtype, {9, 64});
        source.fill([&](int64_t i) { return distinct(dtype, i); });
        nabla::TensorView view = source.view();
        view.shape[1] = columns;
        view.data = source.view().as<char>() + shift * nabla::dtype_size(dtype);
        for_each_target([&](Target target) {
          TestTensor out(dtype, {9, columns});
          call_kernel(find_kernel(target.isa, "copy"), {view}, {out.view()}, {}, pool(target.threads));
          bool ok = true;
          for (int64_t i = 0; i < out.numel(); ++i) {
            ok = ok && out.at(i) == source.at(i / columns * 64 + shift + i % columns);
          }
          CHECK(ok);
        });
      }
    }
  }
}

// As many dimensions as there can be, in reverse order.
NABLA_TEST(copy_rank_8) {
  for (DType dtype : kStoredDTypes) {
    TestTensor source(dtype, {2, 3, 2, 3, 2, 3, 9, 8}, Layout::transposed),
        spread(dtype, {3, 2, 3, 2, 3, 2, 1, 5}, Layout::spread);
    for (TestTensor* t : {&source, &spread}) {
      t->fill([&](int64_t i) { return distinct(dtype, i); });
      for_each_target([&](Target target) {
        TestTensor out(dtype, {2, 3, 2, 3, 2, 3, 9, 8}), other(dtype, {3, 2, 3, 2, 3, 2, 1, 5});
        TestTensor& result = t == &source ? out : other;
        run_kernel(target, "copy", {t}, {&result});
        CHECK(same_values(result, *t));
      });
    }
  }
}

void check_assign(TestTensor::Shape shape, Layout target_layout, Layout source_layout) {
  for (DType dtype : kStoredDTypes) {
    TestTensor source(dtype, shape, source_layout);
    source.fill([&](int64_t i) { return distinct(dtype, i); });
    TestTensor expected(dtype, shape, target_layout);
    for (int64_t i = 0; i < expected.numel(); ++i) expected.put(i, source.at(i));
    for_each_target([&](Target target) {
      TestTensor written(dtype, shape, target_layout);
      run_kernel(target, "assign", {&written, &source}, {});
      // The whole buffer: nothing around the view or in its gaps has changed.
      CHECK(written.buffer() == expected.buffer());
    });
  }
}

NABLA_TEST(assign) {
  for (Layout target : {Layout::contiguous, Layout::transposed, Layout::reversed, Layout::spread}) {
    for (Layout source : kLayouts) {
      check_assign({}, target, source);
      check_assign({0, 3}, target, source);
      check_assign({5, 7}, target, source);
      check_assign({131, 300}, target, source);
      check_assign({3, 17, 9}, target, source);
    }
  }
}

// Source and target share memory: the result is as if the source had been read first.
NABLA_TEST(assign_overlapping) {
  for_each_target([](Target target) {
    for (int64_t shift : {1, -1, 5}) {
      TestTensor t(DType::int32, {50000});
      t.fill([](int64_t i) { return static_cast<double>(i); });
      std::vector<double> before;
      for (int64_t i = 0; i < t.numel(); ++i) before.push_back(t.at(i));
      const int64_t length = t.numel() - std::abs(shift);
      std::vector<nabla::TensorView> views = {t.view(), t.view()};
      views[0].shape[0] = views[1].shape[0] = length;
      views[0].data = t.view().as<int32_t>() + (shift > 0 ? shift : 0);
      views[1].data = t.view().as<int32_t>() + (shift > 0 ? 0 : -shift);
      call_kernel(find_kernel(target.isa, "assign"), views, {}, {}, pool(target.threads));
      bool ok = true;
      for (int64_t i = 0; i < t.numel(); ++i) {
        const bool written = shift > 0 ? i >= shift : i < length;
        ok = ok && t.at(i) == (written ? before[static_cast<size_t>(i - shift)] : before[static_cast<size_t>(i)]);
      }
      CHECK(ok);
    }
  });
}

double converted(DType to, double x) {
  switch (to) {
    case DType::float32: return static_cast<float>(x);
    case DType::float64: return x;
    case DType::int32: return std::isnan(x) ? 0 : std::fmin(std::fmax(std::trunc(x), -2147483648.0), 2147483647.0);
    case DType::uint8: return std::isnan(x) ? 0 : std::fmin(std::fmax(std::trunc(x), 0), 255);
    case DType::boolean: return x != 0;
    case DType::bfloat16:
    case DType::float16: return half_rounded(to, x);
  }
  return 0;
}
bool equal_numbers(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

double cast_input(DType dtype, int64_t place) {
  static const double reals[] = {
      0,     -0.0,    0.5,        -0.5,     1.9,         -1.9,  254.9,      255,          255.5,         256,
      -1,    kNaN,    kInf,       -kInf,    1e30,        -1e30, 2147483647, 2147483648.0, -2147483648.0, -2147483904.0,
      1e-40, 3e9,     2147483520, -3e9,     16777217,    1e300, -1e300,     2049.0000001, 2051,          65519,
      65520, 0x1p-25, 0x3p-25,    0x1p-134, 257.0000001, 259,   0x1.FFp127};
  static const double integers[] = {0, 1, -1, 255, 256, -255, 2147483647, -2147483648.0, 16777217, 128};
  switch (dtype) {
    case DType::float32:
    case DType::float64:
    case DType::bfloat16:
    case DType::float16: return place % 2 ? reals[place / 2 % 37] : number(static_cast<uint64_t>(place)) * 1000;
    case DType::int32:
      return place % 2 ? integers[place / 2 % 10] : std::floor(number(static_cast<uint64_t>(place)) * 1000);
    default: return distinct(dtype, place);
  }
}

// Every float of a 16-bit format and those halfway to the next, with their neighbours.
NABLA_TEST(cast_to_half) {
  for (DType half : {DType::bfloat16, DType::float16}) {
    std::vector<double> ties;
    for (int bits = 0; bits < 0x7FFF; ++bits) {
      const double low = half_value(half, static_cast<uint16_t>(bits));
      const double high = half_value(half, static_cast<uint16_t>(bits + 1));
      if (!std::isfinite(high)) break;
      for (double sign : {1.0, -1.0}) {
        const double middle = sign * (low + (high - low) / 2);
        for (double x : {sign * low, std::nextafter(middle, 0), middle, std::nextafter(middle, sign * kInf)}) {
          ties.push_back(x);
        }
      }
    }
    const int64_t n = static_cast<int64_t>(ties.size());
    CHECK(n > 200000);
    for (DType from : kFloats) {
      TestTensor source(from, {n});
      for (int64_t i = 0; i < n; ++i) source.put(i, ties[static_cast<size_t>(i)]);
      for_each_target([&](Target target) {
        TestTensor out(half, {n});
        run_kernel(target, "cast", {&source}, {&out});
        bool ok = true;
        for (int64_t i = 0; i < n; ++i) {
          const uint16_t wanted = half_bits(half, half_rounded(half, source.at(i)));
          ok = ok && out.view().as<uint16_t>()[i] == wanted;
        }
        CHECK(ok);
      });
    }
  }
}

NABLA_TEST(cast) {
  for (DType from : kStoredDTypes) {
    for (DType to : kStoredDTypes) {
      for (Layout layout : kLayouts) {
        for (int64_t columns : {0, 1, 33, 7001}) {
          TestTensor source(from, {9, columns}, layout);
          source.fill([&](int64_t i) { return cast_input(from, i); });
          for_each_target([&](Target target) {
            TestTensor out(to, {9, columns});
            run_kernel(target, "cast", {&source}, {&out});
            bool ok = true;
            for (int64_t i = 0; i < out.numel(); ++i) ok = ok && equal_numbers(out.at(i), converted(to, source.at(i)));
            CHECK(ok);
          });
        }
      }
    }
  }
}

NABLA_TEST(fill) {
  for (DType dtype : kStoredDTypes) {
    for (double x : {0.0, 1.0, -2.5, 300.0, 1e10, kNaN, -kInf}) {
      for (int64_t n : {0, 1, 17, 70001}) {
        for_each_target([&](Target target) {
          TestTensor out(dtype, {n});
          run_kernel(target, "fill", {}, {&out}, {x});
          bool ok = true;
          for (int64_t i = 0; i < n; ++i) ok = ok && equal_numbers(out.at(i), converted(dtype, x));
          CHECK(ok);
        });
      }
    }
  }
}

NABLA_TEST(constant) {
  const std::vector<double> values = {1.5, -2, 300, kNaN, 0, 7};
  for (DType dtype : kStoredDTypes) {
    for_each_target([&](Target target) {
      TestTensor out(dtype, {2, 3}), none(dtype, {0});
      run_kernel(target, "constant", {}, {&out}, values);
      run_kernel(target, "constant", {}, {&none}, {});
      bool ok = true;
      for (int64_t i = 0; i < 6; ++i)
        ok = ok && equal_numbers(out.at(i), converted(dtype, values[static_cast<size_t>(i)]));
      CHECK(ok);
    });
  }
}

NABLA_TEST(arange) {
  for (DType dtype : kStoredDTypes) {
    for (int64_t n : {0, 1, 17, 70001}) {
      for_each_target([&](Target target) {
        TestTensor out(dtype, {n});
        run_kernel(target, "arange", {}, {&out}, {-3, 0.75});
        bool ok = true;
        for (int64_t i = 0; i < n; ++i) ok = ok && out.at(i) == converted(dtype, -3 + static_cast<double>(i) * 0.75);
        CHECK(ok);
      });
    }
  }
}

// Rounded down for integers, but the last element is what the command says.
NABLA_TEST(linspace) {
  for (DType dtype : kStoredDTypes) {
    for (int64_t n : {0, 1, 2, 17, 70001}) {
      const double start = -3, step = 0.75, last = 12.6;
      for_each_target([&](Target target) {
        TestTensor out(dtype, {n});
        run_kernel(target, "linspace", {}, {&out}, {start, step, last});
        bool ok = true;
        for (int64_t i = 0; i < n; ++i) {
          const double x = i == n - 1 ? last : start + static_cast<double>(i) * step;
          const bool integer = dtype == DType::int32 || dtype == DType::uint8;
          ok = ok && out.at(i) == converted(dtype, integer ? std::floor(x) : x);
        }
        CHECK(ok);
      });
    }
  }
}

// Products are rounded before they are added.
NABLA_TEST(sequences_round_twice) {
  const double start = 0.1, step = 1.0 / 3;
  for_each_target([&](Target target) {
    TestTensor out(DType::float64, {1000});
    run_kernel(target, "arange", {}, {&out}, {start, step});
    bool ok = true;
    for (int64_t i = 0; i < 1000; ++i) {
      volatile double product = static_cast<double>(i) * step;
      ok = ok && out.at(i) == start + product;
    }
    CHECK(ok);
  });
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
  const TestTensor a(DType::float32, {4}), b(DType::float32, {5}), c(DType::int32, {4}), many(DType::float32, {65}),
      repeated(DType::float32, {4}, Layout::scalar);
  for (Isa isa : available_isas()) {
    const Target t{isa, 1};
    CHECK(throws_native_error([&] { run_kernel(t, "copy", {&a}, {&b}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "copy", {&a}, {&c}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "cast", {&a}, {&b}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "assign", {&a, &b}, {}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "assign", {&a, &c}, {}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "assign", {&repeated, &a}, {}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "fill", {}, {&a}, {}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "constant", {}, {&a}, {1, 2, 3}); }));
    CHECK(throws_native_error([&] { run_kernel(t, "constant", {}, {&many}, std::vector<double>(65)); }));
    CHECK(throws_native_error([&] { run_kernel(t, "arange", {}, {&a}, {1}); }));
  }
}

}  // namespace
}  // namespace nabla_test

NABLA_TEST_MAIN
