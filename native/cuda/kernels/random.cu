// Random tensors. Element i is made from word i % 4 of block counter + i / 4 (core/philox.h), by its top 24 bits;
// float64 tensors hold the same deviates as float32 ones, scaled and shifted in double. The formulas are those of the
// CPU, so that values agree.
#include <cstdint>

#include "cuda/kernels/philox_blocks.h"

namespace nabla::cuda {
namespace {

struct StandardUniform {
  __device__ void operator()(const PhiloxBlock& block, float* u) const {
#pragma unroll
    for (int i = 0; i < kPhiloxWords; ++i) u[i] = philox_uniform(block.word[i]);
  }
};

// Box and Muller: a pair of uniforms (words 0, 1 and words 2, 3 of a block) gives a pair of normals
// sqrt(-2 log(1 - u0)) * (cos, sin)(2 pi u1). 1 - u0 is in (0, 1].
struct StandardNormal {
  __device__ void operator()(const PhiloxBlock& block, float* z) const {
#pragma unroll
    for (int i = 0; i < kPhiloxWords; i += 2) {
      const float r = sqrtf(-2 * logf(1 - philox_uniform(block.word[i])));
      // The angle is quadrant * pi/2 + a with |a| <= pi/4; sine and cosine of a by least-maximum-error polynomials
      // (absolute error below 1e-7 with rounding).
      const uint32_t turn = block.word[i + 1] >> 8;
      const uint32_t quadrant = (turn + (1u << 21)) >> 22;
      const float a = static_cast<float>(static_cast<int32_t>(turn - (quadrant << 22))) * (6.28318531f * 0x1p-24f);
      const float t = a * a;
      const float sine = a * (0.999999997f + t * (-0.166666507f + t * (0.00833203688f + t * -0.00019504022f)));
      const float cosine =
          1.0f + t * (-0.499999996f + t * (0.0416666167f + t * (-0.00138866192f + t * 2.43799293e-05f)));
      const bool swap = quadrant & 1;
      const float c = swap ? sine : cosine, s = swap ? cosine : sine;
      z[i] = r * ((quadrant + 1) & 2 ? -c : c);
      z[i + 1] = r * (quadrant & 2 ? -s : s);
    }
  }
};

// Inverse of the distribution function of the normal cut off at two deviations. With x = erf(z / sqrt(2)), z / x
// is a smooth function of w = -log(1 - x^2) (M. Giles, "Approximating the erfinv function", GPU Computing Gems,
// 2010); |x| <= erf(sqrt(2)) keeps w below 2.42, where a polynomial of degree 6 is within 4e-8.
struct StandardTruncatedNormal {
  __device__ void operator()(const PhiloxBlock& block, float* z) const {
    constexpr float kErfSqrt2 = 0.954499736f, kMiddle = 1.20995144f;
#pragma unroll
    for (int i = 0; i < kPhiloxWords; ++i) {
      // An odd multiple of 2^-24 in (-1, 1): symmetric, and never at the ends.
      const float u = static_cast<float>(static_cast<int32_t>(block.word[i] >> 8) * 2 + 1 - (1 << 24)) * 0x1p-24f;
      const float x = u * kErfSqrt2;
      const float s = -logf((1 - x) * (1 + x)) - kMiddle;
      const float ratio =
          1.66816791f +
          s * (0.352573985f +
               s * (0.0039371303f +
                    s * (-0.0032182154f + s * (0.000193490397f + s * (4.44872859e-05f + s * -6.43834321e-06f)))));
      const float deviate = x * ratio;
      z[i] = deviate > 2 ? 2.0f : deviate < -2 ? -2.0f : deviate;
    }
  }
};

// out = offset + scale * deviate, at most limit.
template <typename Standard, typename T>
__global__ void __launch_bounds__(kPhiloxThreads)
    fill_scaled(PhiloxStream random, T offset, T scale, T limit, T* out, int64_t n, bool packed) {
  const int64_t block = static_cast<int64_t>(blockIdx.x) * kPhiloxThreads + threadIdx.x;
  if (block * kPhiloxWords >= n) return;
  float z[kPhiloxWords];
  Standard()(philox(random.seed, random.counter + static_cast<uint64_t>(block)), z);
  T value[kPhiloxWords];
#pragma unroll
  for (int i = 0; i < kPhiloxWords; ++i) {
    value[i] = offset + product(scale, static_cast<T>(z[i]));
    if (value[i] > limit) value[i] = limit;
  }
  store_four(value, block * kPhiloxWords, n, packed, out);
}

template <typename Standard, typename T>
void fill(KernelArgs& args, T offset, T scale, T limit) {
  const TensorView& out = args.out[0];
  launch(fill_scaled<Standard, T>, philox_grid(out.numel()), kPhiloxThreads, 0, queue_of(args).stream(),
         philox_stream(args), offset, scale, limit, out.as<T>(), out.numel(), packable(out.data));
}

template <typename Standard>
void fill_normal(KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 4, "seed, counter, mean and deviation are needed");
  const double mean = args.attr[2], deviation = args.attr[3], unlimited = __builtin_inf();
  switch (args.out[0].dtype) {
    case DType::float32:
      return fill<Standard, float>(args, static_cast<float>(mean), static_cast<float>(deviation),
                                   static_cast<float>(unlimited));
    case DType::float64: return fill<Standard, double>(args, mean, deviation, unlimited);
    default: kernel_error(ErrorKind::native, "the output must be float32 or float64");
  }
}

}  // namespace

void randomUniform(KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 4, "seed, counter, low and high are needed");
  const double low = args.attr[2], high = args.attr[3];
  // Rounding may lift low + (high - low) * u to high, which is outside: the largest number below it is the limit.
  switch (args.out[0].dtype) {
    case DType::float32: {
      const float from = static_cast<float>(low), to = static_cast<float>(high);
      return fill<StandardUniform, float>(args, from, static_cast<float>(high - low), __builtin_nextafterf(to, from));
    }
    case DType::float64: return fill<StandardUniform, double>(args, low, high - low, __builtin_nextafter(high, low));
    default: kernel_error(ErrorKind::native, "the output must be float32 or float64");
  }
}

void randomNormal(KernelArgs& args) { fill_normal<StandardNormal>(args); }

void randomTruncatedNormal(KernelArgs& args) { fill_normal<StandardTruncatedNormal>(args); }

}  // namespace nabla::cuda
