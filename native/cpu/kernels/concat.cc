// concat: tensors one after another along an axis, each copied once into its part of the output.
#include "core/concat.h"
#include "cpu/kernels/strided.h"

namespace nabla::NABLA_ISA {

void concat(KernelArgs& args) {
  for_concat_parts(args, [&](const TensorView& part, const TensorView& in) { copy_strided(part, in, args.pool); });
}

}  // namespace nabla::NABLA_ISA
