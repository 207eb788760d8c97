// Headers of native/core are compiled into every ISA's kernels. An inline function that the compiler did
// not inline would be merged by the linker across ISAs, and the AVX-512 copy could run on a CPU without
// it. So inline code of these headers is always inlined (scripts/check-isa-symbols.mjs proves it), and
// kernels keep away from standard-library templates that the compiler may leave out of line.
// CUDA's kernels use the same headers; what only the host can call is NABLA_HOST_INLINE.
#pragma once

#define NABLA_HOST_INLINE __attribute__((always_inline)) inline
#if defined(__CUDACC__)
#define NABLA_INLINE __host__ __device__ __forceinline__
#else
#define NABLA_INLINE NABLA_HOST_INLINE
#endif
