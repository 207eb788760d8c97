// Elementwise comparisons: two inputs of one dtype, output bool.
#include "core/checks.h"
#include "cuda/elementwise.h"

namespace nabla::cuda {
namespace {

#define COMPARISON(Name, sign) \
  struct Name { \
    template <typename T> \
    __device__ uint8_t operator()(T a, T b) const { \
      return a sign b; \
    } \
  };
COMPARISON(Equal, ==)
COMPARISON(NotEqual, !=)
COMPARISON(Greater, >)
COMPARISON(GreaterEqual, >=)
COMPARISON(Less, <)
COMPARISON(LessEqual, <=)
#undef COMPARISON

template <typename F>
void compare(KernelArgs& args) {
  const DType dtype = args.in[0].dtype;
  NABLA_CHECK(args.in[1].dtype == dtype, "the dtypes of the inputs differ");
  NABLA_CHECK(args.out[0].dtype == DType::boolean, "the output must be bool");
  switch (dtype) {
    case DType::float32: return map<uint8_t, float, float>(args, F{});
    case DType::float64: return map<uint8_t, double, double>(args, F{});
    case DType::int32: return map<uint8_t, int32_t, int32_t>(args, F{});
    case DType::uint8:
    case DType::boolean: return map<uint8_t, uint8_t, uint8_t>(args, F{});
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace

void equal(KernelArgs& args) { compare<Equal>(args); }
void notEqual(KernelArgs& args) { compare<NotEqual>(args); }
void greater(KernelArgs& args) { compare<Greater>(args); }
void greaterEqual(KernelArgs& args) { compare<GreaterEqual>(args); }
void less(KernelArgs& args) { compare<Less>(args); }
void lessEqual(KernelArgs& args) { compare<LessEqual>(args); }

}  // namespace nabla::cuda
