// sum, mean, prod, max, min, all and any over any axes of any strides.
//
// Two forms do all the work: the elements of one output are neighbours in memory (rows), or neighbours belong to
// different outputs (columns). Sums stay accurate and independent of the threads because the order of additions
// is a tree that the shape fixes: runs of at most 64 additions in each accumulator, whose results are combined in
// pairs. The error of a float32 sum of n elements is below (80 + log2 n) * 2^-24 * (sum of their magnitudes).
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/reduce_columns.h"
#include "cpu/kernels/reduce_ops.h"
#include "cpu/kernels/reduce_plan.h"
#include "cpu/kernels/reduce_rows.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename Op>
void reduce(const ReducePlan& plan, const ReduceOutput& out, KernelArgs& args) {
  if (plan.outputs == 0) return;
  if (plan.count == 0) {
    for (int64_t i = 0; i < plan.outputs; ++i) Op::write(out, i, Op::identity());
    return;
  }
  // Many outputs of a few neighbours each (the last axis of [n, 3]) are done better column by column too.
  constexpr int64_t kFew = 8;
  const bool columns = !plan.inner_reduced || (plan.count <= kFew && plan.kept.row_length() >= kTile<Op>);
  columns ? reduce_columns<Op>(plan, out, args) : reduce_rows<Op>(plan, out, args);
}

void check_output(const KernelArgs& args, DType of_integers) {
  const DType in = args.in[0].dtype;
  const bool floating = in == DType::float32 || in == DType::float64;
  NABLA_CHECK(args.out[0].dtype == (floating ? in : of_integers), "the output's dtype is wrong");
}

void reduce_sum(KernelArgs& args, bool mean) {
  check_output(args, mean ? DType::float32 : DType::int32);
  const ReducePlan plan = plan_reduction(args);
  const ReduceOutput out{args.out[0].data, plan.count, mean};
  switch (args.in[0].dtype) {
    case DType::float32: return reduce<Sum<float>>(plan, out, args);
    case DType::float64: return reduce<Sum<double>>(plan, out, args);
    case DType::int32: return reduce<Sum<int32_t>>(plan, out, args);
    case DType::uint8: return reduce<Sum<uint8_t>>(plan, out, args);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

void reduce_product(KernelArgs& args) {
  check_output(args, DType::int32);
  const ReducePlan plan = plan_reduction(args);
  const ReduceOutput out{args.out[0].data, plan.count, false};
  switch (args.in[0].dtype) {
    case DType::float32: return reduce<Product<float>>(plan, out, args);
    case DType::float64: return reduce<Product<double>>(plan, out, args);
    case DType::int32: return reduce<Product<int32_t>>(plan, out, args);
    case DType::uint8: return reduce<Product<uint8_t>>(plan, out, args);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

template <bool kAll>
void reduce_truth(KernelArgs& args) {
  NABLA_CHECK(args.in[0].dtype == DType::boolean && args.out[0].dtype == DType::boolean,
              "input and output must be bool");
  const ReducePlan plan = plan_reduction(args);
  reduce<Truth<kAll>>(plan, {args.out[0].data, plan.count, false}, args);
}

template <bool kGreatest>
void reduce_extreme(KernelArgs& args) {
  check_output(args, args.in[0].dtype);
  const ReducePlan plan = plan_reduction(args);
  const ReduceOutput out{args.out[0].data, plan.count, false};
  switch (args.in[0].dtype) {
    case DType::float32: return reduce<Extreme<float, kGreatest>>(plan, out, args);
    case DType::float64: return reduce<Extreme<double, kGreatest>>(plan, out, args);
    case DType::int32: return reduce<Extreme<int32_t, kGreatest>>(plan, out, args);
    case DType::uint8: return reduce<Extreme<uint8_t, kGreatest>>(plan, out, args);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace

// Sums of integers are int32, means of integers float32.
void sum(KernelArgs& args) { reduce_sum(args, false); }
void mean(KernelArgs& args) { reduce_sum(args, true); }
// Products of integers are int32 and wrap.
void prod(KernelArgs& args) { reduce_product(args); }
void max(KernelArgs& args) { reduce_extreme<true>(args); }
void min(KernelArgs& args) { reduce_extreme<false>(args); }
void all(KernelArgs& args) { reduce_truth<true>(args); }
void any(KernelArgs& args) { reduce_truth<false>(args); }

}  // namespace nabla::NABLA_ISA
