// The list of kernels (elementwise.def, then ops.def) as data. A command's op number is an index here and
// in every KernelTable.
#pragma once

namespace nabla {

// op_add, op_matmul, ...: the number of each kernel.
enum OpNumber : int {
#define NABLA_OP(name, ...) op_##name,
#define NABLA_UNARY NABLA_OP
#define NABLA_BINARY NABLA_OP
#define NABLA_COMPARE NABLA_OP
#define NABLA_SELECT NABLA_OP
#include "core/elementwise.def"
#include "core/ops.def"
#undef NABLA_OP
#undef NABLA_UNARY
#undef NABLA_BINARY
#undef NABLA_COMPARE
#undef NABLA_SELECT
};

struct OpInfo {
  const char* name;
  int min_in, max_in, min_out, max_out;
};

extern const OpInfo kOps[];
extern const int kOpCount;

}  // namespace nabla
