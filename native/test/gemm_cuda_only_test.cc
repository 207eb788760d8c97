// Every kernel that CUDA's matrix product chooses from, by shapes and layouts that lead to it, against naive float64
// loops. Which of them run depends on the emulated compute capability too.
#include <cmath>

#include "core/activation.h"
#include "kernel_runner.h"

using namespace nabla_test;

namespace {

struct Case {
  int64_t batch, m, n, k;
  Layout a, b;
  DType a_dtype, b_dtype;
};

constexpr Layout kPlain = Layout::contiguous, kTurned = Layout::transposed, kSpread = Layout::spread;
constexpr DType f32 = DType::float32, f64 = DType::float64, bf16 = DType::bfloat16, f16 = DType::float16;
constexpr Case kCases[] = {
    // Tiles of 128, 64 and 32; the batch makes them enough.
    {128, 70, 68, 20, kPlain, kPlain, f32, f32},
    {128, 72, 66, 37, kPlain, kPlain, f32, f32},
    {128, 34, 36, 20, kPlain, kPlain, f32, f32},
    {128, 33, 40, 17, kSpread, kPlain, f64, f64},
    {128, 40, 34, 24, kPlain, kPlain, f32, bf16},
    {2, 40, 24, 48, kPlain, kSpread, f64, f64},
    // A transposed batch's entries are not neighbours; one product's operands are.
    {1, 136, 88, 48, kTurned, kPlain, f32, f32},
    {1, 136, 88, 48, kPlain, kTurned, f32, f32},
    {1, 136, 88, 48, kTurned, kTurned, f32, f32},
    // k split among blocks.
    {1, 24, 20, 1100, kPlain, kPlain, f32, f32},
    {2, 40, 24, 1032, kPlain, kPlain, f32, f32},
    {1, 70, 40, 1101, kPlain, kTurned, f32, f32},
    {1, 9, 20, 777, kPlain, kPlain, f64, f64},
    // Vectors: of either side, matrices by rows and by columns, k split.
    {1, 1, 300, 70, kPlain, kPlain, f32, f32},
    {1, 1, 301, 2000, kPlain, kPlain, f32, f32},
    {3, 1, 130, 600, kPlain, kPlain, f64, f64},
    {1, 1, 90, 3000, kPlain, kTurned, f32, f32},
    {1, 200, 1, 5, kPlain, kPlain, f32, f32},
    {2, 37, 1, 1500, kPlain, kPlain, f32, f32},
    {1, 130, 1, 700, kTurned, kPlain, f32, f32},
    {1, 130, 1, 60, kPlain, kPlain, f64, f64},
    {1, 1, 260, 300, kPlain, kPlain, f32, bf16},
    {1, 1, 100, 300, kPlain, kTurned, f16, f16},
    {1, 1, 1, 5000, kPlain, kPlain, f32, f32},
    // 16 bits on tensor cores: tiles of 128 and of 64, each layout, packed where rows are not aligned.
    {128, 72, 80, 40, kPlain, kPlain, bf16, bf16},
    {128, 72, 80, 40, kPlain, kPlain, f16, f16},
    {2, 72, 80, 104, kPlain, kPlain, bf16, bf16},
    {1, 136, 88, 48, kTurned, kPlain, bf16, bf16},
    {1, 136, 88, 48, kPlain, kTurned, f16, f16},
    {1, 136, 88, 48, kTurned, kTurned, bf16, bf16},
    {1, 16, 16, 1104, kPlain, kPlain, f16, f16},
    {2, 67, 71, 69, kPlain, kPlain, bf16, bf16},
    {2, 67, 71, 69, kSpread, kPlain, f16, f16},
    {2, 67, 72, 69, kTurned, kPlain, f32, f16},
    {2, 65, 66, 64, Layout::rows, kPlain, bf16, f32},
};

// A product of tf32 is off by two roundings to 11 bits, one of float32 by a rounding of the sum.
double tolerance(const Case& c, double terms, bool tf32) {
  if (c.a_dtype == f64) return terms * (static_cast<double>(c.k) + 4) * 0x1p-53;
  const bool rounds = tf32 && (c.a_dtype != c.b_dtype || c.a_dtype == f32);
  return terms * ((static_cast<double>(c.k) + 4) * 0x1p-24 + (rounds ? 0x1p-10 : 0));
}

void check_product(const Case& c, bool tf32, bool with_rest) {
  const DType dtype = c.a_dtype == f64 ? f64 : f32;
  TestTensor a(c.a_dtype, {c.batch, c.m, c.k}, c.a), b(c.b_dtype, {c.batch, c.k, c.n}, c.b);
  TestTensor bias(dtype, {c.n}), residual(dtype, {c.batch, c.m, c.n}), out(dtype, {c.batch, c.m, c.n});
  a.fill([](int64_t i) { return number(static_cast<uint64_t>(i)); });
  b.fill([](int64_t i) { return number(static_cast<uint64_t>(i) + 50000); });
  bias.fill([](int64_t i) { return number(static_cast<uint64_t>(i) + 90000); });
  residual.fill([](int64_t i) { return number(static_cast<uint64_t>(i) + 150000); });
  allow_tf32() = tf32;
  const double sigmoid = static_cast<double>(nabla::Activation::sigmoid);
  if (with_rest) {
    run_kernel({Isa::scalar, 1}, "matmul", {&a, &b, &bias, &residual}, {&out}, {sigmoid, 1, 1});
  } else {
    run_kernel({Isa::scalar, 1}, "matmul", {&a, &b}, {&out}, {0, 0, 0});
  }
  allow_tf32() = false;
  // Some rows of a large product stand for all.
  const int64_t rows = c.batch * c.m, step = rows * c.n * c.k > 3000000 ? 7 : 1;
  bool inside = true;
  for (int64_t row = 0; row < rows; row += step) {
    for (int64_t j = 0; j < c.n; ++j) {
      double sum = with_rest ? bias.at(j) : 0, terms = std::fabs(sum) + 1;
      for (int64_t k = 0; k < c.k; ++k) {
        const double product = a.at(row * c.k + k) * b.at((row / c.m * c.k + k) * c.n + j);
        sum += product, terms += std::fabs(product);
      }
      const double want = with_rest ? 1 / (1 + std::exp(-sum)) + residual.at(row * c.n + j) : sum;
      inside = inside && std::fabs(out.at(row * c.n + j) - want) <= tolerance(c, terms, tf32);
    }
  }
  if (!CHECK(inside)) {
    std::printf("    batch %lld m %lld n %lld k %lld, layouts %d %d, dtypes %d %d, tf32 %d\n",
                static_cast<long long>(c.batch), static_cast<long long>(c.m), static_cast<long long>(c.n),
                static_cast<long long>(c.k), static_cast<int>(c.a), static_cast<int>(c.b), static_cast<int>(c.a_dtype),
                static_cast<int>(c.b_dtype), tf32);
  }
}

NABLA_TEST(exact) {
  int turn = 0;
  for (const Case& c : kCases) check_product(c, false, ++turn % 2 == 0);
}

NABLA_TEST(rounded_to_tf32) {
  int turn = 0;
  for (const Case& c : kCases) {
    if (c.a_dtype != f64) check_product(c, true, ++turn % 2 == 1);
  }
}

}  // namespace

NABLA_TEST_MAIN
