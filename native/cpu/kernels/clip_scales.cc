// What gradients have to be multiplied with so that no norm is above a limit. All norms are computed in one parallel
// pass, in double: squares of floats neither overflow nor vanish there.
#include <cmath>
#include <cstdint>

#include "cpu/kernels/optimizer_step.h"
#include "cpu/simd/trig.h"

namespace nabla::NABLA_ISA {
namespace {

NABLA_INLINE void add_squares(Vec<double>* sum, Vec<float> x) {
  const Doubles parts = to_doubles(x);
  for (int i = 0; i < Doubles::parts; ++i) sum[i] = fma(parts.part[i], parts.part[i], sum[i]);
}
NABLA_INLINE void add_squares(Vec<double>* sum, Vec<double> x) { sum[0] = fma(x, x, sum[0]); }

template <typename T>
double sum_of_squares(const T* x, int64_t n) {
  // Two registers of floats make four chains of additions, or two, which hides what they wait for.
  constexpr int64_t kWidth = Vec<T>::width, kChains = 4, kParts = 2;
  Vec<double> sum[kChains][kParts];
  for (auto& chain : sum) {
    for (Vec<double>& part : chain) part = Vec<double>::zero();
  }
  int64_t i = 0;
  for (; i + kChains * kWidth <= n; i += kChains * kWidth) {
    for (int64_t k = 0; k < kChains; ++k) add_squares(sum[k], Vec<T>::load(x + i + k * kWidth));
  }
  for (; i + kWidth <= n; i += kWidth) add_squares(sum[0], Vec<T>::load(x + i));
  if (i < n) add_squares(sum[1], Vec<T>::load_part(x + i, n - i));
  Vec<double> total = Vec<double>::zero();
  for (const auto& chain : sum) total = total + (chain[0] + chain[1]);
  return sum_lanes(total);
}

}  // namespace

void clipScales(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == 2, "limit and global are needed");
  const double limit = args.attr[0];
  const bool global = args.attr[1] != 0;
  const int64_t n = args.n_in;
  for (int64_t i = 0; i < n; ++i) {
    const TensorView& t = args.in[i];
    NABLA_CHECK((t.dtype == DType::float32 || t.dtype == DType::float64) && t.contiguous(),
                "gradients must be contiguous, float32 or float64");
  }
  const TensorView& out = args.out[0];
  NABLA_CHECK(out.dtype == DType::float64 && out.numel() == n, "there must be n float64 factors");

  const Chunks chunks = cut_into_chunks(args, n);
  double* const partial = args.workspace.array<double>(chunks.count + 1);
  for_chunks(args, chunks, [&](int64_t c) {
    const Chunk& chunk = chunks.list[c];
    const TensorView& t = args.in[chunk.tensor];
    partial[c] = t.dtype == DType::float32 ? sum_of_squares(t.as<const float>() + chunk.begin, chunk.size)
                                           : sum_of_squares(t.as<const double>() + chunk.begin, chunk.size);
  });

  double* const scale = out.as<double>();
  for (int64_t i = 0; i < n; ++i) scale[i] = 0;
  for (int64_t c = 0; c < chunks.count; ++c) scale[chunks.list[c].tensor] += partial[c];
  if (!global) {
    // A norm that is NaN gives NaN.
    for (int64_t i = 0; i < n; ++i) scale[i] = scale[i] <= limit * limit ? 1 : limit / std::sqrt(scale[i]);
    return;
  }
  double total = 0;
  for (int64_t i = 0; i < n; ++i) total += scale[i];
  const double norm = std::sqrt(total), factor = norm <= limit ? 1 : limit / norm;
  // One infinite gradient spoils all of them, so that it is seen, and not only its own.
  for (int64_t i = 0; i < n; ++i) scale[i] = std::isinf(norm) ? NAN : factor;
}

}  // namespace nabla::NABLA_ISA
