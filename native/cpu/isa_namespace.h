// Every kernel source is compiled once per ISA (NABLA_ISA_SCALAR, NABLA_ISA_AVX2, NABLA_ISA_AVX512 or NABLA_ISA_NEON),
// each time into a namespace of its own. Tests of CUDA's kernels are compiled with NABLA_ISA_CUDA.
#pragma once

#if defined(NABLA_ISA_AVX512)
#define NABLA_ISA avx512
#elif defined(NABLA_ISA_AVX2)
#define NABLA_ISA avx2
#elif defined(NABLA_ISA_NEON)
#define NABLA_ISA neon
#elif defined(NABLA_ISA_SCALAR)
#define NABLA_ISA scalar
#elif defined(NABLA_ISA_CUDA)
#define NABLA_ISA cuda
#else
#error "compile kernels with one of NABLA_ISA_SCALAR, NABLA_ISA_AVX2, NABLA_ISA_AVX512, NABLA_ISA_NEON"
#endif
