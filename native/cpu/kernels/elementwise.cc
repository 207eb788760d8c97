#include "cpu/kernels/elementwise.h"

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
  const Run run = runs.run[mask];
  parallel_ranges(args.pool, out.numel(), kElementGrain, [&](int64_t begin, int64_t end) {
    for_each_row(loop, begin, end, [&](const int64_t* offset, int64_t n) {
      const void* p[N];
      for (int k = 0; k < N; ++k) p[k] = bytes(in[k]) + offset[k] * size[k];
      run(static_cast<char*>(out.data) + offset[N] * size[N], p, n, args.attr);
    });
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
