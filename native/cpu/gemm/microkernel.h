// c[m x n] = (accumulate ? c : 0) + A*B for one tile that stays in registers over the whole K loop.
#pragma once
#include "cpu/gemm/prefetch.h"
#include "cpu/gemm/tile.h"

namespace nabla::NABLA_ISA {

// m in [0, MR], n in [0, NR]. B is a [K x n] matrix of rows `ldb` apart, whose rows go on through the segments of A;
// nothing beyond its n columns is read. With `epilogue` (the last block of K), what it says follows. Of `ahead`, unless
// it is null, the tile asks for its share.
template <typename T>
void microkernel(int m, int n, const ATile<T>& a, const T* b, int64_t ldb, const CTile<T>& c, bool accumulate,
                 const Epilogue<T>* epilogue, Ahead* ahead = nullptr);

#if defined(NABLA_ISA_AVX512)
// The same for pairs of bfloat16 (pack_pairs.h), on a CPU with AVX512_BF16: a step of K is two products and their sums,
// each rounded to nearest, and denormal numbers count as 0.
void microkernel_pairs(int m, int n, const ATile<float>& a, const float* b, int64_t ldb, const CTile<float>& c,
                       bool accumulate, const Epilogue<float>* epilogue, Ahead* ahead);
#endif

extern template void microkernel<float>(int, int, const ATile<float>&, const float*, int64_t, const CTile<float>&, bool,
                                        const Epilogue<float>*, Ahead*);
extern template void microkernel<double>(int, int, const ATile<double>&, const double*, int64_t, const CTile<double>&,
                                         bool, const Epilogue<double>*, Ahead*);

}  // namespace nabla::NABLA_ISA
