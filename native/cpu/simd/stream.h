// Stores that go past the caches: for results so large that they would have left the cache before anybody reads them,
// and that a normal store would first read from memory.
#pragma once
#include <cstdint>
#include <cstring>

#include "cpu/simd/vec.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace nabla::NABLA_ISA {

constexpr int64_t kCacheLine = 64;
// Outputs from this size on are streamed. About half of a last-level cache: smaller ones are often read again from it.
constexpr int64_t kStreamBytes = int64_t{16} << 20;

NABLA_INLINE bool whole_cache_lines(const void* p, int64_t bytes) {
  return (reinterpret_cast<uintptr_t>(p) | static_cast<uintptr_t>(bytes)) % kCacheLine == 0;
}

// Copies whole, aligned cache lines. Other threads see them after stream_fence().
NABLA_INLINE void stream_copy(void* target, const void* source, int64_t bytes) {
  char* to = static_cast<char*>(target);
  const char* from = static_cast<const char*>(source);
#if defined(NABLA_ISA_AVX512)
  for (int64_t i = 0; i < bytes; i += 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
  }
#elif defined(NABLA_ISA_AVX2)
  for (int64_t i = 0; i < bytes; i += 32) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
  }
#elif defined(__SSE2__)
  for (int64_t i = 0; i < bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
#else
  std::memcpy(to, from, bytes);
#endif
}

NABLA_INLINE void stream_fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace nabla::NABLA_ISA
