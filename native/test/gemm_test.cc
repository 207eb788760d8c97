#include "cpu/gemm/gemm.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cpu/gemm/widen.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/half.h"
#include "cpu/thread_pool.h"
#include "test_main.h"
#include "test_workspace.h"

namespace nabla::NABLA_ISA {
namespace {

using nabla_test::TestWorkspace;

CpuThreadPool& pool(int threads) {
  static CpuThreadPool pools[] = {{1, false}, {2, false}, {3, false}};
  return pools[threads - 1];
}

// Numbers in [-1, 1] that depend on their place only.
double number(uint64_t i) {
  i = (i + 1) * 0x9E3779B97F4A7C15u;
  i ^= i >> 29;
  i *= 0xBF58476D1CE4E5B9u;
  return static_cast<double>(i >> 11) * 0x1p-52 - 1.0;
}

// Elements from and to double: 16-bit ones are rounded.
template <typename S>
S stored(double x) {
  if constexpr (kIsHalf<S>) return narrow<S>(static_cast<float>(x));
  if constexpr (!kIsHalf<S>) return static_cast<S>(x);
}
template <typename S>
double loaded(S x) {
  if constexpr (kIsHalf<S>) return static_cast<double>(widen(x));
  if constexpr (!kIsHalf<S>) return static_cast<double>(x);
}

enum Layout { rows, padded_rows, columns, padded_columns, spread, panels };

// A matrix with strides inside a buffer whose other elements are NaN: reading one of them shows in the result.
template <typename T>
struct Matrix {
  std::vector<T> buffer;
  int64_t row = 0, col = 0, panel = 0;
  T* data;

  Matrix(int64_t m, int64_t n, Layout layout, uint64_t seed) {
    switch (layout) {
      case rows: row = n, col = 1; break;
      case padded_rows: row = n + 3, col = 1; break;
      case columns: row = 1, col = m; break;
      case padded_columns: row = 1, col = m + 5; break;
      case spread: row = 2 * n + 1, col = 2; break;
      case panels: row = TileShape<Wide<T>>::NR, col = 1, panel = m * row + 3; break;
    }
    const int64_t size = panel > 0 ? (n + row - 1) / row * panel : m * row + n * col;
    buffer.assign(static_cast<size_t>(size + 1), stored<T>(std::numeric_limits<double>::quiet_NaN()));
    data = buffer.data();
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) at(i, j) = stored<T>(number(seed + static_cast<uint64_t>(i * n + j)));
    }
  }
  T& at(int64_t i, int64_t j) {
    return panel > 0 ? data[j / row * panel + i * row + j % row] : data[i * row + j * col];
  }
};
double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::relu: return x > 0 ? x : 0;
    case Activation::sigmoid: return 1 / (1 + std::exp(-x));
    case Activation::tanh: return std::tanh(x);
    case Activation::gelu: return 0.5 * x * std::erfc(-x * 0.70710678118654752440);
  }
  return x;
}

struct Case {
  int64_t m, n, k;
  Layout a = rows, b = rows;
  bool accumulate = false, bias = false;
  Activation activation = Activation::none;
  bool residual = false, z = false;
};

// Runs the case for 1, 2 and 3 threads: the bits must agree, and the values must be those of a float64 product.
template <typename T, typename A = T, typename B = T>
void check_case(const Case& t) {
  Matrix<A> a(t.m, t.k, t.a, 1);
  Matrix<B> b(t.k, t.n, t.b, 1000003);
  std::vector<T> bias(static_cast<size_t>(t.n));
  for (size_t j = 0; j < bias.size(); ++j) bias[j] = static_cast<T>(number(j + 77));
  const int64_t ldc = t.n + 2;
  std::vector<T> before(static_cast<size_t>(t.m * ldc + 1));
  for (size_t i = 0; i < before.size(); ++i) before[i] = static_cast<T>(number(i + 5));

  std::vector<T> residual(before.size()), z(before.size());
  for (size_t i = 0; i < residual.size(); ++i) residual[i] = static_cast<T>(number(i + 500009));

  std::vector<T> c;
  for (int threads = 1; threads <= 3; ++threads) {
    std::vector<T> result = before;
    GemmArgs<T, A, B> args = {t.m, t.n, t.k, a.data, a.row, a.col, b.data, b.row, b.col, result.data(), ldc};
    args.accumulate = t.accumulate;
    args.b_panel = b.panel;
    args.epilogue = {t.bias ? bias.data() : nullptr, t.activation, t.residual ? residual.data() : nullptr,
                     t.z ? z.data() : nullptr};
    TestWorkspace workspace;
    gemm_batched(pool(threads), workspace, args, GemmBatch{0, {}, {}, {}, 0});
    if (threads == 1) c = result;
    CHECK(std::memcmp(c.data(), result.data(), c.size() * sizeof(T)) == 0);
  }

  // Each of the K products and sums is rounded once, relative to partial sums that sum|a||b| bounds; the bias, the old
  // c and the residual add three more. The activations add their own error of a few ulp and have slopes of at
  // most 1.13. Numbers that a product of bfloat16 pairs takes for 0 are far below that.
  const double eps = std::numeric_limits<T>::epsilon();
  bool inside = true;
  for (int64_t i = 0; i < t.m && inside; ++i) {
    for (int64_t j = 0; j < t.n; ++j) {
      double sum = t.accumulate ? static_cast<double>(before[static_cast<size_t>(i * ldc + j)]) : 0;
      double magnitude = std::fabs(sum);
      for (int64_t k = 0; k < t.k; ++k) {
        const double product = loaded(a.at(i, k)) * loaded(b.at(k, j));
        sum += product;
        magnitude += std::fabs(product);
      }
      if (t.bias) {
        sum += static_cast<double>(bias[static_cast<size_t>(j)]);
        magnitude += std::fabs(static_cast<double>(bias[static_cast<size_t>(j)]));
      }
      const size_t place = static_cast<size_t>(i * ldc + j);
      double want = activated(t.activation, sum);
      double tolerance = (static_cast<double>(t.k) + 3) * eps * magnitude;
      const bool z_inside = !t.z || std::fabs(static_cast<double>(z[place]) - sum) <= tolerance;
      tolerance = 1.13 * tolerance + (t.activation > Activation::relu ? 8 * eps * std::fabs(want) : 0);
      if (t.residual) {
        want += static_cast<double>(residual[place]);
        tolerance += eps * std::fabs(want);
      }
      const double error = std::fabs(static_cast<double>(c[place]) - want);
      if (!(error <= tolerance && z_inside)) {
        inside = false;
        std::printf("m %lld n %lld k %lld layouts %d %d accumulate %d bias %d activation %d (%lld, %lld): error %g\n",
                    static_cast<long long>(t.m), static_cast<long long>(t.n), static_cast<long long>(t.k), t.a, t.b,
                    t.accumulate, t.bias, static_cast<int>(t.activation), static_cast<long long>(i),
                    static_cast<long long>(j), error);
        break;
      }
    }
  }
  CHECK(inside);
  // Between the rows of c nothing may be written.
  bool gaps = true;
  for (int64_t i = 0; i < t.m; ++i) {
    for (int64_t j = t.n; j < ldc; ++j) {
      const size_t at = static_cast<size_t>(i * ldc + j);
      gaps = gaps && c[at] == before[at] && z[at] == T(0);
    }
  }
  CHECK(gaps);
}

template <typename T, typename A = T, typename B = T>
void check_tails(int64_t largest = 35) {
  const Layout layouts[] = {rows, padded_rows, columns, padded_columns, spread};
  const Activation activations[] = {Activation::none, Activation::relu, Activation::sigmoid, Activation::tanh,
                                    Activation::gelu};
  int turn = 0;
  for (int64_t k : {0, 1, 2, 5, 17, 64, 300}) {
    for (int64_t m = 0; m <= largest; ++m) {
      for (int64_t n = 0; n <= largest; ++n, ++turn) {
        // Each size meets one combination; together they meet all.
        const Activation activation = activations[turn / 3 % 5];
        check_case<T, A, B>({m, n, k, layouts[turn % 5], layouts[turn / 5 % 5], turn % 2 == 0, turn % 3 == 0,
                             activation, turn / 2 % 2 == 0, activation == Activation::gelu && turn / 7 % 2 == 0});
      }
    }
  }
}

NABLA_TEST(tails_float) { check_tails<float>(); }
NABLA_TEST(tails_double) { check_tails<double>(); }
NABLA_TEST(tails_bfloat16) { check_tails<float, BFloat16, BFloat16>(); }
NABLA_TEST(tails_halves) {
  check_tails<float, BFloat16, float>(17);
  check_tails<float, float, BFloat16>(17);
  check_tails<float, Float16, Float16>(17);
  check_tails<float, Float16, float>(17);
  check_tails<float, float, Float16>(17);
  check_tails<float, BFloat16, Float16>(17);
  check_tails<float, Float16, BFloat16>(17);
}

template <typename T, typename A = T, typename B = T>
void check_large() {
  for (Layout a : {rows, columns, spread}) {
    for (Layout b : {rows, columns, spread}) {
      check_case<T, A, B>({131, 257, 509, a, b, false, true, Activation::relu});
      check_case<T, A, B>({131, 257, 509, a, b, true, false, Activation::none, true});
      check_case<T, A, B>({9, 300, 1031, a, b, false, true, Activation::gelu, true, true});
    }
  }
  check_case<T, A, B>({600, 300, 70, rows, rows, false, true, Activation::tanh});
  check_case<T, A, B>({64, 1024, 1024, rows, columns, false, true, Activation::none});
  check_case<T, A, B>({67, 31, 1031, columns, rows, true, true, Activation::sigmoid});
  // Many strips of B share a copy of A.
  check_case<T, A, B>({290, 773, 811, padded_columns, rows, false, true, Activation::relu});
  check_case<T, A, B>({290, 773, 811, spread, columns, true, false, Activation::none, true});
}
NABLA_TEST(large_float) { check_large<float>(); }
NABLA_TEST(large_double) { check_large<double>(); }
NABLA_TEST(large_bfloat16) { check_large<float, BFloat16, BFloat16>(); }
NABLA_TEST(large_halves) {
  check_large<float, Float16, Float16>();
  check_large<float, float, BFloat16>();
}

// Few rows and a matrix beyond the caches' blocks.
template <typename T, typename B = T>
void check_few_rows() {
  for (int64_t m : {2, 3, 5, 8, 13, 14, 15, 29, 40}) {
    check_case<T, T, B>({m, 523, 1100, rows, rows, false, true, Activation::relu});
    check_case<T, T, B>({m, 523, 1100, columns, padded_rows, true, false, Activation::none});
    check_case<T, T, B>({m, 2100, 131, rows, columns, false, true, Activation::gelu, true, true});
  }
}
NABLA_TEST(few_rows_float) { check_few_rows<float>(); }
// Beyond all caches there is a path of its own.
NABLA_TEST(few_rows_far) {
  check_case<float>({1, 2897, 2901, rows, rows, false, true, Activation::relu});
  check_case<float>({3, 2897, 2901, rows, rows, false, true, Activation::relu});
}
NABLA_TEST(few_rows_double) { check_few_rows<double>(); }
NABLA_TEST(few_rows_bfloat16) { check_few_rows<float, BFloat16>(); }

// Vectors from either side, long and short.
template <typename T, typename A = T, typename B = T>
void check_vectors() {
  for (Layout layout : {rows, padded_rows, columns, padded_columns, spread}) {
    for (int64_t n : {1, 7, 64, 1000, 2053}) {
      for (int64_t k : {0, 1, 3, 130, 1027}) {
        check_case<T, A, B>({1, n, k, rows, layout, false, true, Activation::relu, n % 2 == 1});
        check_case<T, A, B>({1, n, k, spread, layout, true, false, Activation::gelu, false, true});
        check_case<T, A, B>({n, 1, k, layout, columns, false, true, Activation::sigmoid});
        check_case<T, A, B>({n, 1, k, layout, spread, true, true, Activation::none});
      }
    }
  }
}
template <typename T>
void check_panels() {
  for (int64_t m : {1, 2, 29, 301}) {
    for (int64_t n : {1, 16, 33, 96, 401}) {
      for (int64_t k : {0, 1, 40, 1100}) {
        check_case<T>({m, n, k, columns, panels});
        check_case<T>({m, n, k, rows, panels, true});
      }
    }
  }
}
NABLA_TEST(panels_float) { check_panels<float>(); }
NABLA_TEST(panels_double) { check_panels<double>(); }

NABLA_TEST(vectors_float) { check_vectors<float>(); }
NABLA_TEST(vectors_double) { check_vectors<double>(); }
NABLA_TEST(vectors_halves) {
  check_vectors<float, BFloat16, BFloat16>();
  check_vectors<float, float, BFloat16>();
  check_vectors<float, Float16, float>();
}

// A column whose elements are neighbours is a vector too, with all that follows.
NABLA_TEST(column_epilogue) {
  const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, -1}, bias[] = {0.5f}, residual[] = {10, 20, 30};
  float c[3], z[3];
  TestWorkspace workspace;
  GemmArgs<float> args = {3, 1, 2, a, 2, 1, b, 1, 1, c, 1, false, {bias, Activation::gelu, residual, z}};
  gemm(pool(1), workspace, args);
  for (int i = 0; i < 3; ++i) {
    CHECK(z[i] == -0.5f);
    CHECK(std::fabs(static_cast<double>(c[i] - residual[i]) - activated(Activation::gelu, -0.5)) < 4e-6);
  }
}

// NaN and infinity go through, also where relu follows.
NABLA_TEST(not_finite) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float a[] = {1, 1, inf, 1, nan, 1}, b[] = {1, -3, 2, 0};
  float c[6];
  TestWorkspace workspace;
  GemmArgs<float> args = {3, 2, 2, a, 2, 1, b, 2, 1, c, 2, false, {nullptr, Activation::relu}};
  gemm(pool(1), workspace, args);
  CHECK(c[0] == 3 && c[1] == 0 && c[2] == inf && c[3] == 0);
  CHECK(std::isnan(c[4]) && std::isnan(c[5]));
}

// Small products of a large batch are handed out together: none may be forgotten or computed twice.
NABLA_TEST(batched_small) {
  for (int64_t n : {1, 3}) {
    for (int64_t entries : {1, 2, 999}) {
      const int64_t m = 2, k = 5;
      Matrix<double> a(entries * m, k, rows, 5), b(entries * k, n, rows, 6);
      std::vector<double> c(static_cast<size_t>(entries * m * n), 0);
      TestWorkspace workspace;
      GemmArgs<double> args = {m, n, k, a.data, k, 1, b.data, n, 1, c.data(), n, true, {}};
      gemm_batched(pool(3), workspace, args, {1, {entries}, {m * k}, {k * n}, m * n});
      bool inside = true;
      for (int64_t i = 0; i < entries * m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          double want = 0;
          for (int64_t p = 0; p < k; ++p) want += a.at(i, p) * b.at(i / m * k + p, j);
          // Five products below 1, each rounded once with its sum.
          inside = inside && std::fabs(c[static_cast<size_t>(i * n + j)] - want) <= 50 * 0x1p-53;
        }
      }
      CHECK(inside);
    }
  }
}

// A batch with two dimensions, one of them shared by b, against the products one by one.
NABLA_TEST(batched) {
  const int64_t m = 13, n = 37, k = 29;
  Matrix<float> a(2 * 3 * m, k, rows, 3), b(3 * k, n, rows, 4);
  GemmBatch batch = {2, {2, 3}, {3 * m * k, m * k}, {0, k * n}, m * n};
  for (int threads = 1; threads <= 3; ++threads) {
    std::vector<float> c(static_cast<size_t>(2 * 3 * m * n), -1), each(static_cast<size_t>(m * n), -1);
    TestWorkspace workspace;
    gemm_batched(pool(threads), workspace, GemmArgs<float>{m, n, k, a.data, k, 1, b.data, n, 1, c.data(), n, false, {}},
                 batch);
    for (int64_t i = 0; i < 2; ++i) {
      for (int64_t j = 0; j < 3; ++j) {
        gemm<float>(pool(1), workspace,
                    {m, n, k, a.data + (i * 3 + j) * m * k, k, 1, b.data + j * k * n, n, 1, each.data(), n, false, {}});
        CHECK(std::memcmp(each.data(), c.data() + (i * 3 + j) * m * n, each.size() * sizeof(float)) == 0);
      }
    }
  }
}

}  // namespace
}  // namespace nabla::NABLA_ISA

NABLA_TEST_MAIN
