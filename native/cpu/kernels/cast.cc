// Between any two dtypes, any strides to contiguous.
#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/kernels/convert.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename S, typename T>
NABLA_INLINE void cast_each(const S* x, T* __restrict out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = convert<T>(x[i]);
}

// Where the conversion is one instruction; the compiler makes good code of the others.
#if defined(NABLA_ISA_AVX512)
NABLA_INLINE void cast_each(const float* x, Float16* __restrict out, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i half = _mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), half);
  }
  for (; i < n; ++i) out[i] = narrow<Float16>(x[i]);
}
NABLA_INLINE void cast_each(const Float16* x, float* __restrict out, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i))));
  }
  for (; i < n; ++i) out[i] = widen(x[i]);
}
#elif defined(NABLA_ISA_NEON)
NABLA_INLINE void cast_each(const float* x, Float16* __restrict out, int64_t n) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) vst1_u16(&out[i].bits, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(x + i))));
  for (; i < n; ++i) out[i] = narrow<Float16>(x[i]);
}
NABLA_INLINE void cast_each(const Float16* x, float* __restrict out, int64_t n) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) vst1q_f32(out + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&x[i].bits))));
  for (; i < n; ++i) out[i] = widen(x[i]);
}
#endif

template <typename S, typename T>
void cast_run(void* out, const void* const* in, int64_t n, const double*) {
  cast_each(static_cast<const S*>(in[0]), static_cast<T*>(out), n);
}

template <typename S, typename T>
constexpr Runs<1> kCast = {{cast_run<S, T>, nullptr}};

template <typename S>
void cast_from(KernelArgs& args) {
  switch (args.out[0].dtype) {
    case DType::float32: return elementwise(args, kCast<S, float>);
    case DType::float64: return elementwise(args, kCast<S, double>);
    case DType::int32: return elementwise(args, kCast<S, int32_t>);
    case DType::uint8: return elementwise(args, kCast<S, uint8_t>);
    case DType::boolean: return elementwise(args, kCast<S, Bool>);
    case DType::bfloat16: return elementwise(args, kCast<S, BFloat16>);
    case DType::float16: return elementwise(args, kCast<S, Float16>);
  }
}

}  // namespace

void cast(KernelArgs& args) {
  switch (args.in[0].dtype) {
    case DType::float32: return cast_from<float>(args);
    case DType::float64: return cast_from<double>(args);
    case DType::int32: return cast_from<int32_t>(args);
    case DType::uint8:
    case DType::boolean: return cast_from<uint8_t>(args);
    case DType::bfloat16: return cast_from<BFloat16>(args);
    case DType::float16: return cast_from<Float16>(args);
  }
}

}  // namespace nabla::NABLA_ISA
