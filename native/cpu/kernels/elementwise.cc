#include "cpu/kernels/elementwise.h"

#include "cpu/simd/stream.h"

namespace nabla::NABLA_ISA {
namespace {

NABLA_INLINE const char* bytes(const TensorView& view) { return static_cast<const char*>(view.data); }

// A bit per input that repeats one element along the rows.
template <int N>
NABLA_INLINE int repeated_mask(const StridedLoop<N + 1>& loop) {
  int mask = 0;
  for (int k = 0; k < N; ++k) mask |= (loop.row_stride(k) == 0) << k;
  return mask;
}

// A run whose result is made in blocks in the first-level cache and streamed from there to memory.
template <int N>
void streamed_run(Run run, char* out, int64_t out_size, const void* const (&in)[N], const int64_t* in_stride, int64_t n,
                  const double* attr) {
  alignas(kCacheLine) char block[4096];
  const int64_t block_elements = static_cast<int64_t>(sizeof(block)) / out_size;
  const void* p[N];
  for (int64_t i = 0; i < n; i += block_elements) {
    const int64_t count = n - i < block_elements ? n - i : block_elements;
    for (int k = 0; k < N; ++k) p[k] = static_cast<const char*>(in[k]) + i * in_stride[k];
    run(block, p, count, attr);
    stream_copy(out + i * out_size, block, count * out_size);
  }
}

template <int N>
void strided_elementwise(KernelArgs& args, const Runs<N>& runs, const TensorView* in) {
  const TensorView& out = args.out[0];
  const TensorView* views[N + 1];
  for (int k = 0; k < N; ++k) views[k] = &in[k];
  views[N] = &out;
  const StridedLoop<N + 1> loop = collapse<N + 1>(views);
  const int mask = repeated_mask<N>(loop);

  // Inputs whose rows no loop can read, such as transposed ones, are copied; then the rows fit.
  TensorView readable[N];
  bool copied = false;
  for (int k = 0; k < N; ++k) {
    readable[k] = in[k];
    const int64_t stride = loop.row_stride(k);
    if (stride == 1 || (stride == 0 && runs.run[mask])) continue;
    readable[k] = contiguous_like(in[k], args.workspace.get(in[k].numel() * dtype_size(in[k].dtype)));
    copy_strided(readable[k], in[k], args.pool);
    copied = true;
  }
  if (copied) return strided_elementwise(args, runs, readable);

  int64_t size[N + 1];
  for (int k = 0; k <= N; ++k) size[k] = dtype_size(views[k]->dtype);
  int64_t in_stride[N];
  for (int k = 0; k < N; ++k) in_stride[k] = loop.row_stride(k) * size[k];
  const Run run = runs.run[mask];
  const bool streamed = out.numel() * size[N] >= kStreamBytes;
  parallel_ranges(args.pool, out.numel(), kElementGrain, [&](int64_t begin, int64_t end) {
    for_each_row(loop, begin, end, [&](const int64_t* offset, int64_t n) {
      const void* p[N];
      for (int k = 0; k < N; ++k) p[k] = bytes(in[k]) + offset[k] * size[k];
      char* to = static_cast<char*>(out.data) + offset[N] * size[N];
      if (streamed && whole_cache_lines(to, n * size[N])) {
        streamed_run<N>(run, to, size[N], p, in_stride, n, args.attr);
      } else {
        run(to, p, n, args.attr);
      }
    });
    if (streamed) stream_fence();
  });
}

template <int N>
NABLA_INLINE void any_elementwise(KernelArgs& args, const Runs<N>& runs) {
  const TensorView& out = args.out[0];
  bool contiguous = true;
  for (int k = 0; k < N; ++k) {
    NABLA_CHECK(same_shape(args.in[k], out), "the shapes of input and output differ");
    contiguous = contiguous && args.in[k].contiguous();
  }
  const int64_t numel = out.numel();
  if (numel == 0) return;
  if (!contiguous) return strided_elementwise(args, runs, args.in);
  if (numel * dtype_size(out.dtype) >= kStreamBytes) return strided_elementwise(args, runs, args.in);
  parallel_ranges(args.pool, numel, kElementGrain, [&](int64_t begin, int64_t end) {
    const void* p[N];
    for (int k = 0; k < N; ++k) p[k] = bytes(args.in[k]) + begin * dtype_size(args.in[k].dtype);
    runs.run[0](static_cast<char*>(out.data) + begin * dtype_size(out.dtype), p, end - begin, args.attr);
  });
}

}  // namespace

void elementwise(KernelArgs& args, const Runs<1>& runs) { any_elementwise(args, runs); }
void elementwise(KernelArgs& args, const Runs<2>& runs) { any_elementwise(args, runs); }
void elementwise(KernelArgs& args, const Runs<3>& runs) { any_elementwise(args, runs); }

}  // namespace nabla::NABLA_ISA
