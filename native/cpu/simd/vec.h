// Vec<T>: a register full of floats or doubles, with the same interface on every ISA. The scalar build
// has one lane and leaves vectorisation to the compiler's baseline.
#pragma once
#include "core/inline.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {

// load_part reads the first n lanes from memory and makes the others 0, store_part writes the first n; neither touches
// what lies beyond. 0 <= n <= width. fma(a, b, c) is a*b + c, rounded once where the ISA has FMA.
template <typename T>
struct Vec;

// The result of comparing two Vec<T>, lane by lane with C's rules (only != is true for NaN).
// select(m, a, b) is m ? a : b. max(a, b) is a > b ? a : b and min(a, b) is a < b ? a : b in every ISA: where
// either is NaN they give b. abs, unary minus and copysign touch the sign bit only, also of NaN. round gives the even
// neighbour of a number halfway between two; floor, ceil and round keep the sign of zero.
template <typename T>
struct Mask;

}  // namespace nabla::NABLA_ISA

#if defined(NABLA_ISA_AVX512)
#include "cpu/simd/vec_avx512.h"
#elif defined(NABLA_ISA_AVX2)
#include "cpu/simd/vec_avx2.h"
#elif defined(NABLA_ISA_NEON)
#include "cpu/simd/vec_neon.h"
#else
#include "cpu/simd/vec_scalar.h"
#endif
