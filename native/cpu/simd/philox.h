// Philox blocks by the vector, bit for bit those of core/philox.h, and the loop that random kernels share.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "core/philox.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

// Blocks made by one call of philox_words.
constexpr int64_t kPhiloxBlocks = 16;

#if defined(NABLA_ISA_AVX512) || defined(NABLA_ISA_AVX2) || defined(NABLA_ISA_NEON)

// Each 64-bit lane carries one block's word in its low half; the high half holds leftovers, which the
// 32x32 multiplication ignores.
#if defined(NABLA_ISA_AVX512)
using PhiloxLanes = __m512i;
NABLA_INLINE __m512i philox_set(uint64_t x) { return _mm512_set1_epi64(static_cast<int64_t>(x)); }
NABLA_INLINE __m512i philox_iota() { return _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7); }
NABLA_INLINE __m512i philox_add(__m512i a, __m512i b) { return _mm512_add_epi64(a, b); }
NABLA_INLINE __m512i philox_mul(__m512i a, __m512i b) { return _mm512_mul_epu32(a, b); }
NABLA_INLINE __m512i philox_high(__m512i a) { return _mm512_srli_epi64(a, 32); }
NABLA_INLINE __m512i philox_xor(__m512i a, __m512i b, __m512i c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
// Words 0 to 3 of eight blocks, in the blocks' order.
NABLA_INLINE void philox_store(uint32_t* out, const __m512i c[4]) {
  const __m512i words01 = _mm512_mask_blend_epi32(0xAAAA, c[0], _mm512_slli_epi64(c[1], 32));
  const __m512i words23 = _mm512_mask_blend_epi32(0xAAAA, c[2], _mm512_slli_epi64(c[3], 32));
  const __m512i first = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11),
                last = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
  _mm512_storeu_si512(out, _mm512_permutex2var_epi64(words01, first, words23));
  _mm512_storeu_si512(out + 16, _mm512_permutex2var_epi64(words01, last, words23));
}
#elif defined(NABLA_ISA_AVX2)
using PhiloxLanes = __m256i;
NABLA_INLINE __m256i philox_set(uint64_t x) { return _mm256_set1_epi64x(static_cast<int64_t>(x)); }
NABLA_INLINE __m256i philox_iota() { return _mm256_setr_epi64x(0, 1, 2, 3); }
NABLA_INLINE __m256i philox_add(__m256i a, __m256i b) { return _mm256_add_epi64(a, b); }
NABLA_INLINE __m256i philox_mul(__m256i a, __m256i b) { return _mm256_mul_epu32(a, b); }
NABLA_INLINE __m256i philox_high(__m256i a) { return _mm256_srli_epi64(a, 32); }
NABLA_INLINE __m256i philox_xor(__m256i a, __m256i b, __m256i c) { return _mm256_xor_si256(_mm256_xor_si256(b, c), a); }
// Words 0 to 3 of four blocks, in the blocks' order.
NABLA_INLINE void philox_store(uint32_t* out, const __m256i c[4]) {
  const __m256i words01 = _mm256_blend_epi32(c[0], _mm256_slli_epi64(c[1], 32), 0xAA);
  const __m256i words23 = _mm256_blend_epi32(c[2], _mm256_slli_epi64(c[3], 32), 0xAA);
  const __m256i even = _mm256_unpacklo_epi64(words01, words23), odd = _mm256_unpackhi_epi64(words01, words23);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute2x128_si256(even, odd, 0x20));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8), _mm256_permute2x128_si256(even, odd, 0x31));
}
#else
using PhiloxLanes = uint64x2_t;
NABLA_INLINE uint64x2_t philox_set(uint64_t x) { return vdupq_n_u64(x); }
NABLA_INLINE uint64x2_t philox_iota() { return vcombine_u64(vcreate_u64(0), vcreate_u64(1)); }
NABLA_INLINE uint64x2_t philox_add(uint64x2_t a, uint64x2_t b) { return vaddq_u64(a, b); }
NABLA_INLINE uint64x2_t philox_mul(uint64x2_t a, uint64x2_t b) { return vmull_u32(vmovn_u64(a), vmovn_u64(b)); }
NABLA_INLINE uint64x2_t philox_high(uint64x2_t a) { return vshrq_n_u64(a, 32); }
NABLA_INLINE uint64x2_t philox_xor(uint64x2_t a, uint64x2_t b, uint64x2_t c) { return veorq_u64(veorq_u64(b, c), a); }
// Words 0 to 3 of two blocks, in the blocks' order.
NABLA_INLINE void philox_store(uint32_t* out, const uint64x2_t c[4]) {
  const uint64x2_t words01 = vsliq_n_u64(c[0], c[1], 32), words23 = vsliq_n_u64(c[2], c[3], 32);
  vst1q_u32(out, vreinterpretq_u32_u64(vzip1q_u64(words01, words23)));
  vst1q_u32(out + 4, vreinterpretq_u32_u64(vzip2q_u64(words01, words23)));
}
#endif

// out[4*b + w] = word w of block first + b, for kPhiloxBlocks blocks.
NABLA_INLINE void philox_words(uint64_t seed, uint64_t first, uint32_t* out) {
  constexpr int64_t kLanes = sizeof(PhiloxLanes) / 8, kGroups = kPhiloxBlocks / kLanes;
  PhiloxLanes c[kGroups][4];
  for (int64_t g = 0; g < kGroups; ++g) {
    const PhiloxLanes block = philox_add(philox_set(first + static_cast<uint64_t>(g * kLanes)), philox_iota());
    c[g][0] = block;
    c[g][1] = philox_high(block);
    c[g][2] = c[g][3] = philox_set(0);
  }
  const PhiloxLanes m0 = philox_set(0xD2511F53), m1 = philox_set(0xCD9E8D57);
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const PhiloxLanes key0 = philox_set(k0), key1 = philox_set(k1);
    for (int64_t g = 0; g < kGroups; ++g) {
      const PhiloxLanes p0 = philox_mul(c[g][0], m0), p1 = philox_mul(c[g][2], m1);
      c[g][0] = philox_xor(philox_high(p1), c[g][1], key0);
      c[g][2] = philox_xor(philox_high(p0), c[g][3], key1);
      c[g][1] = p1;
      c[g][3] = p0;
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  for (int64_t g = 0; g < kGroups; ++g) philox_store(out + g * kLanes * 4, c[g]);
}

#else

NABLA_INLINE void philox_words(uint64_t seed, uint64_t first, uint32_t* out) {
  for (int64_t b = 0; b < kPhiloxBlocks; ++b) {
    const PhiloxBlock block = philox(seed, first + static_cast<uint64_t>(b));
    for (int w = 0; w < 4; ++w) out[4 * b + w] = block.word[w];
  }
}

#endif

// Words that for_philox_tiles hands over at once; a multiple of four, so that tiles hold whole blocks.
constexpr int64_t kPhiloxTile = 256;

// Calls body(words, begin, count) for all of [0, n): words[j] belongs to element begin + j. All kPhiloxTile
// words are there, though only the first `count` elements may be written. attr[0], attr[1]: seed, counter.
template <typename Body>
NABLA_INLINE void for_philox_tiles(KernelArgs& args, int64_t n, Body&& body) {
  constexpr int64_t kTilesPerTask = 64;
  constexpr double kMaxSafeInteger = 9007199254740991.0;
  NABLA_CHECK(args.n_attr >= 2 && args.attr[0] >= 0 && args.attr[0] <= kMaxSafeInteger && args.attr[1] >= 0 &&
                  args.attr[1] <= kMaxSafeInteger,
              "seed and counter must be integers below 2^53");
  const uint64_t seed = static_cast<uint64_t>(args.attr[0]), counter = static_cast<uint64_t>(args.attr[1]);
  parallel_ranges(args.pool, n, kTilesPerTask * kPhiloxTile, [&](int64_t begin, int64_t end) {
    uint32_t words[kPhiloxTile];
    for (int64_t i = begin; i < end; i += kPhiloxTile) {
      const int64_t count = end - i < kPhiloxTile ? end - i : kPhiloxTile;
      const uint64_t block = counter + static_cast<uint64_t>(i) / 4;
      for (int64_t b = 0; b < kPhiloxTile / 4; b += kPhiloxBlocks) {
        philox_words(seed, block + static_cast<uint64_t>(b), words + 4 * b);
      }
      body(static_cast<const uint32_t*>(words), i, count);
    }
  });
}

}  // namespace nabla::NABLA_ISA
