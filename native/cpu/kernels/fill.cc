// Outputs made from attributes alone: fill, constant, arange, linspace. Values are converted as cast does.
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/convert.h"
#include "cpu/kernels/strided.h"

namespace nabla::NABLA_ISA {
namespace {

// Values that a command can carry.
constexpr int64_t kMaxConstant = 64;

// out[i] = value(i), converted.
template <typename T, typename Value>
NABLA_INLINE void generate_as(const KernelArgs& args, Value value) {
  T* out = args.out[0].as<T>();
  parallel_ranges(args.pool, args.out[0].numel(), kElementGrain, [out, value](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = convert<T>(value(i));
  });
}

template <typename Value>
NABLA_INLINE void generate(const KernelArgs& args, Value value) {
  switch (args.out[0].dtype) {
    case DType::float32: return generate_as<float>(args, value);
    case DType::float64: return generate_as<double>(args, value);
    case DType::int32: return generate_as<int32_t>(args, value);
    case DType::uint8: return generate_as<uint8_t>(args, value);
    case DType::boolean: return generate_as<Bool>(args, value);
    case DType::bfloat16: return generate_as<BFloat16>(args, value);
    case DType::float16: return generate_as<Float16>(args, value);
  }
}

}  // namespace

void fill(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 1, "fill takes one value");
  const double value = args.attr[0];
  generate(args, [value](int64_t) { return value; });
}

void constant(KernelArgs& args) {
  const int64_t numel = args.out[0].numel();
  NABLA_CHECK(numel <= kMaxConstant && args.n_attr == numel, "a constant takes one value per element, at most 64");
  const double* values = args.attr;
  generate(args, [values](int64_t i) { return values[i]; });
}

void arange(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 2, "arange takes a start and a step");
  const double start = args.attr[0], step = args.attr[1];
  generate(args, [start, step](int64_t i) { return start + static_cast<double>(i) * step; });
}

void linspace(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 3, "linspace takes a start, a step and the last element");
  const double start = args.attr[0], step = args.attr[1], last = args.attr[2];
  const int64_t end = args.out[0].numel() - 1;
  const auto value = [=](int64_t i) { return i == end ? last : start + static_cast<double>(i) * step; };
  const DType dtype = args.out[0].dtype;
  if (dtype != DType::int32 && dtype != DType::uint8) return generate(args, value);
  generate(args, [=](int64_t i) { return __builtin_floor(value(i)); });
}

}  // namespace nabla::NABLA_ISA
