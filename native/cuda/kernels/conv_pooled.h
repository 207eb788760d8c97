// A convolution whose result is pooled on the way, in windows of 2x2 pixels side by side.
#pragma once
#include "core/conv_geometry.h"
#include "core/kernel.h"

namespace nabla::cuda {

struct Pooled {
  const TensorView& y;
  uint8_t* places;  // may be null
};

// conv2d's arguments, whose result is `map`; it is not written, and neither are args.out. False, and nothing is done,
// if that is not possible: then both must be made one after another, and would have the same bits.
bool convolve_and_pool(KernelArgs& args, const ConvGeometry& conv, const TensorView& map, const Pooled& pooled);

}  // namespace nabla::cuda
