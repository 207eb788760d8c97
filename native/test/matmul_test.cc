// matmul against naive float64 loops: batches of any rank, broadcast and strided operands, and what it refuses.
#include <cmath>

#include "core/activation.h"
#include "core/checks.h"
#include "kernel_runner.h"

using namespace nabla_test;

namespace {

struct Case {
  int64_t batch0, batch1, m, n, k;
};
constexpr Case kCases[] = {{1, 1, 5, 7, 3}, {3, 2, 4, 6, 5},    {2, 3, 1, 9, 4},    {2, 3, 9, 1, 4},
                           {3, 4, 1, 1, 1}, {0, 2, 3, 3, 3},    {2, 2, 0, 3, 3},    {2, 2, 3, 0, 3},
                           {2, 2, 3, 3, 0}, {2, 1, 17, 33, 70}, {1, 5, 14, 32, 16}, {7, 3, 30, 35, 65}};

// Each product and sum rounds once, relative to partial sums that K + 1 bounds, since the numbers are below 1.
double tolerance(DType dtype, int64_t k) {
  const double terms = static_cast<double>(k) + 3;
  return terms * terms * (dtype == DType::float32 ? 0x1p-24 : 0x1p-53);
}

void check_matmul(Target target, DType dtype, const Case& c, Layout a_layout, Layout b_layout, bool with_bias) {
  if (!in_sample(7)) return;
  TestTensor a(dtype, {c.batch0, c.batch1, c.m, c.k}, a_layout), b(dtype, {c.batch0, c.batch1, c.k, c.n}, b_layout);
  TestTensor bias(dtype, {c.n}), out(dtype, {c.batch0, c.batch1, c.m, c.n});
  a.fill([](int64_t i) { return number(static_cast<uint64_t>(i)); });
  b.fill([](int64_t i) { return number(static_cast<uint64_t>(i) + 5000); });
  bias.fill([](int64_t i) { return number(static_cast<uint64_t>(i) + 9000); });
  const std::vector<double> attr = {static_cast<double>(nabla::Activation::relu), with_bias ? 1.0 : 0.0, 0};
  if (with_bias) {
    run_kernel(target, "matmul", {&a, &b, &bias}, {&out}, attr);
  } else {
    run_kernel(target, "matmul", {&a, &b}, {&out}, attr);
  }
  bool inside = true;
  for (int64_t batch = 0; batch < c.batch0 * c.batch1; ++batch) {
    for (int64_t i = 0; i < c.m; ++i) {
      for (int64_t j = 0; j < c.n; ++j) {
        double want = with_bias ? bias.at(j) : 0;
        for (int64_t k = 0; k < c.k; ++k) want += a.at((batch * c.m + i) * c.k + k) * b.at((batch * c.k + k) * c.n + j);
        const double got = out.at((batch * c.m + i) * c.n + j);
        inside = inside && std::fabs(got - std::fmax(want, 0)) <= tolerance(dtype, c.k);
      }
    }
  }
  if (!CHECK(inside)) {
    std::printf("    %s, %lld x %lld batches, m %lld n %lld k %lld, layouts %d %d\n", name_of(target.isa),
                static_cast<long long>(c.batch0), static_cast<long long>(c.batch1), static_cast<long long>(c.m),
                static_cast<long long>(c.n), static_cast<long long>(c.k), static_cast<int>(a_layout),
                static_cast<int>(b_layout));
  }
}

NABLA_TEST(batches_and_layouts) {
  for (Isa isa : available_isas()) {
    for (DType dtype : kFloats) {
      int turn = 0;
      for (const Case& c : kCases) {
        for (Layout a : kLayouts) {
          for (Layout b : kLayouts) {
            check_matmul({isa, 1 + turn % 3}, dtype, c, a, b, turn % 2 == 0);
            ++turn;
          }
        }
      }
    }
  }
}

// One b for a whole batch of any rank: the batch becomes rows of one product, which must not change the result.
NABLA_TEST(shared_b) {
  for (Isa isa : available_isas()) {
    TestTensor a(DType::float32, {2, 1, 3, 1, 4, 5, 6, 7}), out(DType::float32, {2, 1, 3, 1, 4, 5, 6, 8});
    TestTensor one(DType::float32, {7, 8}), flat(DType::float32, {120 * 6, 7}), want(DType::float32, {120 * 6, 8});
    a.fill([](int64_t i) { return number(static_cast<uint64_t>(i)); });
    flat.fill([](int64_t i) { return number(static_cast<uint64_t>(i)); });
    one.fill([](int64_t i) { return number(static_cast<uint64_t>(i) + 77); });
    TensorView b = a.view();
    b.data = one.view().data;
    for (int d = 0; d < 6; ++d) b.stride[d] = 0;
    b.shape[6] = 7, b.stride[6] = 8, b.shape[7] = 8, b.stride[7] = 1;
    call_kernel(find_kernel(isa, "matmul"), {a.view(), b}, {out.view()}, {0, 0, 0}, pool(2));
    run_kernel({isa, 1}, "matmul", {&flat, &one}, {&want}, {0, 0, 0});
    bool same = true;
    for (int64_t i = 0; i < want.numel(); ++i) same = same && out.at(i) == want.at(i);
    CHECK(same);
  }
}

// Operands of 16 bits, each with each and with float32, in a batch, with all that may follow.
NABLA_TEST(halves) {
  const DType dtypes[] = {DType::float32, DType::bfloat16, DType::float16};
  const Case c = {3, 2, 15, 33, 67};
  for (Isa isa : available_isas()) {
    for (DType a_dtype : dtypes) {
      for (DType b_dtype : dtypes) {
        for (Layout layout : kLayouts) {
          TestTensor a(a_dtype, {c.batch0, c.batch1, c.m, c.k}, layout),
              b(b_dtype, {c.batch0, c.batch1, c.k, c.n}, layout);
          TestTensor bias(DType::float32, {c.n});
          const std::initializer_list<int64_t> shape = {c.batch0, c.batch1, c.m, c.n};
          TestTensor residual(DType::float32, shape), out(DType::float32, shape), z(DType::float32, shape);
          a.fill([](int64_t i) { return number(static_cast<uint64_t>(i)); });
          b.fill([](int64_t i) { return number(static_cast<uint64_t>(i) + 5000); });
          bias.fill([](int64_t i) { return number(static_cast<uint64_t>(i) + 9000); });
          residual.fill([](int64_t i) { return number(static_cast<uint64_t>(i) + 15000); });
          const double gelu = static_cast<double>(nabla::Activation::gelu);
          run_kernel({isa, 2}, "matmul", {&a, &b, &bias, &residual}, {&out, &z}, {gelu, 1, 1});
          bool inside = true;
          for (int64_t at = 0; at < out.numel(); ++at) {
            const int64_t j = at % c.n, i = at / c.n % c.m, batch = at / c.n / c.m;
            double sum = bias.at(j);
            for (int64_t k = 0; k < c.k; ++k)
              sum += a.at((batch * c.m + i) * c.k + k) * b.at((batch * c.k + k) * c.n + j);
            const double want = 0.5 * sum * std::erfc(-sum * std::sqrt(0.5)) + residual.at(at);
            // gelu's slope is at most 1.13.
            const double allowed = tolerance(DType::float32, c.k);
            inside = inside && std::fabs(z.at(at) - sum) <= allowed && std::fabs(out.at(at) - want) <= 1.13 * allowed;
          }
          CHECK(inside);
        }
      }
    }
  }
}

bool refused(std::initializer_list<const TestTensor*> inputs, const TestTensor& out, std::vector<double> attr) {
  try {
    run_kernel({Isa::scalar, 1}, "matmul", inputs, {&out}, attr);
  } catch (const nabla::KernelError&) {
    return true;
  }
  return false;
}

NABLA_TEST(refuses_what_does_not_fit) {
  const TestTensor a(DType::float32, {2, 3, 4}), b(DType::float32, {2, 4, 5}), out(DType::float32, {2, 3, 5});
  const std::vector<double> plain = {0, 0, 0}, with_bias = {0, 1, 0}, with_residual = {0, 0, 1};
  CHECK(!refused({&a, &b}, out, plain));
  CHECK(refused({&a, &b}, out, {}));
  CHECK(refused({&a, &b}, out, {nabla::kMatmulActivationCount, 0, 0}));
  CHECK(refused({&a, &a}, out, plain));
  CHECK(refused({&a, &b}, TestTensor(DType::float32, {2, 3, 4}), plain));
  CHECK(refused({&a, &b}, TestTensor(DType::float32, {1, 3, 5}), plain));
  CHECK(refused({&a, &b}, TestTensor(DType::float64, {2, 3, 5}), plain));
  CHECK(refused({&a, &b}, TestTensor(DType::bfloat16, {2, 3, 5}), plain));
  CHECK(refused({&a, &b}, TestTensor(DType::float32, {2, 3, 5}, Layout::spread), plain));
  const TestTensor matrix(DType::float32, {4, 5}), ints(DType::int32, {4, 4}), wide_b(DType::float64, {2, 4, 5});
  CHECK(refused({&a, &matrix}, out, plain));
  CHECK(refused({&a, &wide_b}, out, plain));
  CHECK(refused({&ints, &ints}, TestTensor(DType::int32, {4, 4}), plain));
  const TestTensor vector(DType::float32, {4}), bias(DType::float32, {5}), wide(DType::float64, {5});
  CHECK(refused({&vector, &vector}, vector, plain));
  CHECK(!refused({&a, &b, &bias}, out, with_bias));
  CHECK(refused({&a, &b, &bias}, out, plain));
  CHECK(refused({&a, &b}, out, with_bias));
  CHECK(refused({&a, &b, &vector}, out, with_bias));
  CHECK(refused({&a, &b, &wide}, out, with_bias));
  CHECK(!refused({&a, &b, &out}, out, with_residual));
  CHECK(refused({&a, &b, &bias}, out, with_residual));
  CHECK(refused({&a, &b, &bias, &bias}, out, {0, 1, 1}));
}

}  // namespace

NABLA_TEST_MAIN
