// Random tensors. Element i is made from word i % 4 of block counter + i / 4 (core/philox.h), by its top 24 bits;
// float64 tensors hold the same deviates as float32 ones, scaled and shifted in double.
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/simd/math.h"
#include "cpu/simd/philox.h"

namespace nabla::NABLA_ISA {
namespace {

// Integer conversion by way of int32, which every ISA has an instruction for.
NABLA_INLINE float top24(uint32_t word) { return static_cast<float>(static_cast<int32_t>(word >> 8)); }

NABLA_INLINE void log_all(float* x, int64_t n) {
  for (int64_t i = 0; i < n; i += Vec<float>::width) log(Vec<float>::load(x + i)).store(x + i);
}

NABLA_INLINE void standard_uniform(const uint32_t* words, float* u) {
  for (int64_t i = 0; i < kPhiloxTile; ++i) u[i] = top24(words[i]) * 0x1p-24f;
}

// Box and Muller: a pair of uniforms (words 0, 1 and words 2, 3 of a block) gives a pair of normals
// sqrt(-2 log(1 - u0)) * (cos, sin)(2 pi u1). 1 - u0 is in (0, 1].
NABLA_INLINE void standard_normal(const uint32_t* words, float* z) {
  constexpr int64_t kPairs = kPhiloxTile / 2;
  float radius[kPairs];
  for (int64_t i = 0; i < kPairs; ++i) radius[i] = 1 - top24(words[2 * i]) * 0x1p-24f;
  log_all(radius, kPairs);
  for (int64_t i = 0; i < kPairs; ++i) {
    const float r = __builtin_sqrtf(-2 * radius[i]);
    // The angle is quadrant * pi/2 + a with |a| <= pi/4; sine and cosine of a by least-maximum-error polynomials
    // (absolute error below 1e-7 with rounding).
    const uint32_t turn = words[2 * i + 1] >> 8;
    const uint32_t quadrant = (turn + (1u << 21)) >> 22;
    const float a = static_cast<float>(static_cast<int32_t>(turn - (quadrant << 22))) * (6.28318531f * 0x1p-24f);
    const float t = a * a;
    const float sine = a * (0.999999997f + t * (-0.166666507f + t * (0.00833203688f + t * -0.00019504022f)));
    const float cosine = 1.0f + t * (-0.499999996f + t * (0.0416666167f + t * (-0.00138866192f + t * 2.43799293e-05f)));
    const bool swap = quadrant & 1;
    const float c = swap ? sine : cosine, s = swap ? cosine : sine;
    z[2 * i] = r * ((quadrant + 1) & 2 ? -c : c);
    z[2 * i + 1] = r * (quadrant & 2 ? -s : s);
  }
}

// Inverse of the distribution function of the normal cut off at two deviations. With x = erf(z / sqrt(2)), z / x
// is a smooth function of w = -log(1 - x^2) (M. Giles, "Approximating the erfinv function", GPU Computing Gems,
// 2010); |x| <= erf(sqrt(2)) keeps w below 2.42, where a polynomial of degree 6 is within 4e-8 (fitted here).
NABLA_INLINE void standard_truncated_normal(const uint32_t* words, float* z) {
  constexpr float kErfSqrt2 = 0.954499736f, kMiddle = 1.20995144f;
  float w[kPhiloxTile];
  for (int64_t i = 0; i < kPhiloxTile; ++i) {
    // An odd multiple of 2^-24 in (-1, 1): symmetric, and never at the ends.
    const float u = static_cast<float>(static_cast<int32_t>(words[i] >> 8) * 2 + 1 - (1 << 24)) * 0x1p-24f;
    const float x = u * kErfSqrt2;
    z[i] = x;
    w[i] = (1 - x) * (1 + x);
  }
  log_all(w, kPhiloxTile);
  for (int64_t i = 0; i < kPhiloxTile; ++i) {
    const float s = -w[i] - kMiddle;
    const float ratio =
        1.66816791f +
        s * (0.352573985f +
             s * (0.0039371303f +
                  s * (-0.0032182154f + s * (0.000193490397f + s * (4.44872859e-05f + s * -6.43834321e-06f)))));
    const float deviate = z[i] * ratio;
    z[i] = deviate > 2 ? 2.0f : deviate < -2 ? -2.0f : deviate;
  }
}

// out = offset + scale * deviate, at most limit.
template <typename T, typename StandardDeviates>
void fill_scaled(KernelArgs& args, StandardDeviates standard, T offset, T scale, T limit) {
  T* out = args.out[0].as<T>();
  for_philox_tiles(args, args.out[0].numel(), [&](const uint32_t* words, int64_t begin, int64_t count) {
    float z[kPhiloxTile];
    standard(words, z);
    for (int64_t j = 0; j < count; ++j) {
      const T value = offset + scale * static_cast<T>(z[j]);
      out[begin + j] = value > limit ? limit : value;
    }
  });
}

template <typename StandardDeviates>
void fill_normal(KernelArgs& args, StandardDeviates standard) {
  NABLA_CHECK(args.n_attr >= 4, "seed, counter, mean and deviation are needed");
  const double mean = args.attr[2], deviation = args.attr[3], unlimited = __builtin_inf();
  switch (args.out[0].dtype) {
    case DType::float32:
      return fill_scaled<float>(args, standard, static_cast<float>(mean), static_cast<float>(deviation),
                                static_cast<float>(unlimited));
    case DType::float64: return fill_scaled<double>(args, standard, mean, deviation, unlimited);
    default: kernel_error(ErrorKind::native, "the output must be float32 or float64");
  }
}

}  // namespace

void randomUniform(KernelArgs& args) {
  NABLA_CHECK(args.n_attr >= 4, "seed, counter, low and high are needed");
  const double low = args.attr[2], high = args.attr[3];
  const auto standard = [](const uint32_t* words, float* u) { standard_uniform(words, u); };
  // Rounding may lift low + (high - low) * u to high, which is outside: the largest number below it is the limit.
  switch (args.out[0].dtype) {
    case DType::float32: {
      const float from = static_cast<float>(low), to = static_cast<float>(high);
      return fill_scaled<float>(args, standard, from, static_cast<float>(high - low), __builtin_nextafterf(to, from));
    }
    case DType::float64: return fill_scaled<double>(args, standard, low, high - low, __builtin_nextafter(high, low));
    default: kernel_error(ErrorKind::native, "the output must be float32 or float64");
  }
}

void randomNormal(KernelArgs& args) {
  fill_normal(args, [](const uint32_t* words, float* z) { standard_normal(words, z); });
}

void randomTruncatedNormal(KernelArgs& args) {
  fill_normal(args, [](const uint32_t* words, float* z) { standard_truncated_normal(words, z); });
}

}  // namespace nabla::NABLA_ISA
