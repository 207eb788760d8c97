// Where elements of NHWC images lie.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace nabla::cuda {

// A channel of a pixel of images of h x w pixels.
struct ImagePlace {
  uint32_t image, row, column, channel;

  __device__ static ImagePlace of(uint32_t at, uint32_t h, uint32_t w, uint32_t channels) {
    const uint32_t pixel = at / channels, line = pixel / w, image = line / h;
    return {image, line - image * h, pixel - line * w, at - pixel * channels};
  }
  // Where the same channel of a pixel lies in the same one of images of h x w pixels.
  __device__ int64_t at(int other_row, int other_column, int h, int w, uint32_t channels) const {
    return ((int64_t{image} * h + other_row) * w + other_column) * channels + channel;
  }
};

}  // namespace nabla::cuda
