#include "cpu/gemm/gemm.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cpu/isa_namespace.h"
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

// A matrix with strides inside a buffer whose other elements are NaN: reading one of them shows in the result.
template <typename T>
struct Matrix {
  std::vector<T> buffer;
  int64_t row = 0, col = 0;
  T* data;

  enum Layout { rows, padded_rows, columns, padded_columns, spread };
  Matrix(int64_t m, int64_t n, Layout layout, uint64_t seed) {
    switch (layout) {
      case rows: row = n, col = 1; break;
      case padded_rows: row = n + 3, col = 1; break;
      case columns: row = 1, col = m; break;
      case padded_columns: row = 1, col = m + 5; break;
      case spread: row = 2 * n + 1, col = 2; break;
    }
    buffer.assign(static_cast<size_t>(m * row + n * col + 1), std::numeric_limits<T>::quiet_NaN());
    data = buffer.data();
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) at(i, j) = static_cast<T>(number(seed + static_cast<uint64_t>(i * n + j)));
    }
  }
  T& at(int64_t i, int64_t j) { return data[i * row + j * col]; }
};
template <typename T>
using Layout = typename Matrix<T>::Layout;

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::relu: return x > 0 ? x : 0;
    case Activation::sigmoid: return 1 / (1 + std::exp(-x));
    case Activation::tanh: return std::tanh(x);
  }
  return x;
}

template <typename T>
struct Case {
  int64_t m, n, k;
  Layout<T> a = Matrix<T>::rows, b = Matrix<T>::rows;
  bool accumulate = false, bias = false;
  Activation activation = Activation::none;
};

// Runs the case for 1, 2 and 3 threads: the bits must agree, and the values must be those of a float64 product.
template <typename T>
void check_case(const Case<T>& t) {
  Matrix<T> a(t.m, t.k, t.a, 1), b(t.k, t.n, t.b, 1000003);
  std::vector<T> bias(static_cast<size_t>(t.n));
  for (size_t j = 0; j < bias.size(); ++j) bias[j] = static_cast<T>(number(j + 77));
  const int64_t ldc = t.n + 2;
  std::vector<T> before(static_cast<size_t>(t.m * ldc + 1));
  for (size_t i = 0; i < before.size(); ++i) before[i] = static_cast<T>(number(i + 5));

  std::vector<T> c;
  for (int threads = 1; threads <= 3; ++threads) {
    std::vector<T> result = before;
    GemmArgs<T> args = {t.m, t.n, t.k, a.data, a.row, a.col, b.data, b.row, b.col, result.data(), ldc};
    args.accumulate = t.accumulate;
    args.epilogue = {t.bias ? bias.data() : nullptr, t.activation};
    TestWorkspace workspace;
    gemm(pool(threads), workspace, args);
    if (threads == 1) c = result;
    CHECK(std::memcmp(c.data(), result.data(), c.size() * sizeof(T)) == 0);
  }

  // Each of the K products and sums is rounded once, relative to partial sums that sum|a||b| bounds; the bias and the
  // old c add two more. The activations add their own error of a few ulp and have slopes of at most 1.
  const double eps = std::numeric_limits<T>::epsilon();
  bool inside = true;
  for (int64_t i = 0; i < t.m && inside; ++i) {
    for (int64_t j = 0; j < t.n; ++j) {
      double sum = t.accumulate ? static_cast<double>(before[static_cast<size_t>(i * ldc + j)]) : 0;
      double magnitude = std::fabs(sum);
      for (int64_t k = 0; k < t.k; ++k) {
        const double product = static_cast<double>(a.at(i, k)) * static_cast<double>(b.at(k, j));
        sum += product;
        magnitude += std::fabs(product);
      }
      if (t.bias) {
        sum += static_cast<double>(bias[static_cast<size_t>(j)]);
        magnitude += std::fabs(static_cast<double>(bias[static_cast<size_t>(j)]));
      }
      const double want = activated(t.activation, sum);
      const double tolerance = (static_cast<double>(t.k) + 3) * eps * magnitude +
                               (t.activation > Activation::relu ? 8 * eps * std::fabs(want) : 0);
      const double error = std::fabs(static_cast<double>(c[static_cast<size_t>(i * ldc + j)]) - want);
      if (!(error <= tolerance)) {
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
      gaps = gaps && c[at] == before[at];
    }
  }
  CHECK(gaps);
}

template <typename T>
void check_tails() {
  using M = Matrix<T>;
  const Layout<T> layouts[] = {M::rows, M::padded_rows, M::columns, M::padded_columns, M::spread};
  const Activation activations[] = {Activation::none, Activation::relu, Activation::sigmoid, Activation::tanh};
  int turn = 0;
  for (int64_t k : {0, 1, 2, 5, 17, 64, 300}) {
    for (int64_t m = 0; m <= 35; ++m) {
      for (int64_t n = 0; n <= 35; ++n, ++turn) {
        // Each size meets one combination; together they meet all.
        check_case<T>({m, n, k, layouts[turn % 5], layouts[turn / 5 % 5], turn % 2 == 0, turn % 3 == 0,
                       activations[turn / 3 % 4]});
      }
    }
  }
}

NABLA_TEST(tails_float) { check_tails<float>(); }
NABLA_TEST(tails_double) { check_tails<double>(); }

template <typename T>
void check_large() {
  using M = Matrix<T>;
  for (Layout<T> a : {M::rows, M::columns, M::spread}) {
    for (Layout<T> b : {M::rows, M::columns, M::spread}) {
      check_case<T>({131, 257, 509, a, b, false, true, Activation::relu});
      check_case<T>({131, 257, 509, a, b, true, false, Activation::none});
    }
  }
  check_case<T>({600, 300, 70, M::rows, M::rows, false, true, Activation::tanh});
  check_case<T>({64, 1024, 1024, M::rows, M::columns, false, true, Activation::none});
  check_case<T>({67, 31, 1031, M::columns, M::rows, true, true, Activation::sigmoid});
}
NABLA_TEST(large_float) { check_large<float>(); }
NABLA_TEST(large_double) { check_large<double>(); }

// Vectors from either side, long and short.
template <typename T>
void check_vectors() {
  using M = Matrix<T>;
  for (Layout<T> layout : {M::rows, M::padded_rows, M::columns, M::padded_columns, M::spread}) {
    for (int64_t n : {1, 7, 64, 1000, 2053}) {
      for (int64_t k : {0, 1, 3, 130, 1027}) {
        check_case<T>({1, n, k, M::rows, layout, false, true, Activation::relu});
        check_case<T>({1, n, k, M::spread, layout, true, false, Activation::none});
        check_case<T>({n, 1, k, layout, M::columns, false, true, Activation::sigmoid});
        check_case<T>({n, 1, k, layout, M::spread, true, true, Activation::none});
      }
    }
  }
}
NABLA_TEST(vectors_float) { check_vectors<float>(); }
NABLA_TEST(vectors_double) { check_vectors<double>(); }

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
      Matrix<double> a(entries * m, k, Matrix<double>::rows, 5), b(entries * k, n, Matrix<double>::rows, 6);
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
  Matrix<float> a(2 * 3 * m, k, Matrix<float>::rows, 3), b(3 * k, n, Matrix<float>::rows, 4);
  GemmBatch batch = {2, {2, 3}, {3 * m * k, m * k}, {0, k * n}, m * n};
  for (int threads = 1; threads <= 3; ++threads) {
    std::vector<float> c(static_cast<size_t>(2 * 3 * m * n), -1), each(static_cast<size_t>(m * n), -1);
    TestWorkspace workspace;
    gemm_batched<float>(pool(threads), workspace, {m, n, k, a.data, k, 1, b.data, n, 1, c.data(), n, false, {}}, batch);
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
