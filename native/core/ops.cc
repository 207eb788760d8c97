#include "core/ops.h"

namespace nabla {

const OpInfo kOps[] = {
#define NABLA_UNARY(name, dtypes) {#name, 1, 1, 1, 1},
#define NABLA_BINARY(name, dtypes) {#name, 2, 2, 1, 1},
#define NABLA_COMPARE(name, dtypes) {#name, 2, 2, 1, 1},
#define NABLA_SELECT(name, dtypes) {#name, 3, 3, 1, 1},
#include "core/elementwise.def"
#undef NABLA_UNARY
#undef NABLA_BINARY
#undef NABLA_COMPARE
#undef NABLA_SELECT
#define NABLA_OP(name, min_in, max_in, min_out, max_out) {#name, min_in, max_in, min_out, max_out},
#include "core/ops.def"
#undef NABLA_OP
};

const int kOpCount = static_cast<int>(sizeof(kOps) / sizeof(kOps[0]));

}  // namespace nabla
