// All kernels of one ISA, in the order of core/ops.h.
#include "core/kernel.h"
#include "cpu/isa_namespace.h"

#define NABLA_STRING_OF(x) #x
#define NABLA_STRING(x) NABLA_STRING_OF(x)

namespace nabla::NABLA_ISA {

#define NABLA_OP(name, ...) void name(KernelArgs& args);
#define NABLA_UNARY NABLA_OP
#define NABLA_BINARY NABLA_OP
#define NABLA_COMPARE NABLA_OP
#define NABLA_SELECT NABLA_OP
#include "core/elementwise.def"
#include "core/ops.def"
#undef NABLA_OP

const KernelTable& table();

namespace {

constexpr Kernel kKernels[] = {
#define NABLA_OP(name, ...) name,
#include "core/elementwise.def"
#include "core/ops.def"
};

constexpr KernelTable kTable = {NABLA_STRING(NABLA_ISA), kKernels};

}  // namespace

const KernelTable& table() { return kTable; }

}  // namespace nabla::NABLA_ISA
