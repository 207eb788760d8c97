// Dropout of attention weights: the numbers of the dropout op on the whole matrix of weights, made by the tile. A bit
// for each weight says whether it is kept.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/philox.h"
#include "cuda/kernels/attention_tiles.h"

namespace nabla::cuda {

struct AttentionDropout {
  bool exists;
  uint32_t threshold;
  double scale;

  static AttentionDropout of(const AttentionProblem& p) {
    // word >> 8 is the uniform number in units of 2^-24.
    return {p.rate > 0, static_cast<uint32_t>(std::ceil(p.rate * 0x1p24)), 1 / (1 - p.rate)};
  }
};

// The bits of a tile: 32 keys of one query in a word, a query's words one after another.
template <class Tile>
struct KeptBits {
  static constexpr int kWords = Tile::kBlock / 32, kAll = Tile::kBlock * kWords;

  // Made by all threads; to be read after the next barrier.
  static __device__ __forceinline__ void make(const AttentionProblem& p, uint32_t threshold, int b, int h, int query,
                                              int key, uint32_t* bits) {
    static_assert(kAll <= Tile::kThreads, "a thread makes one word");
    if (static_cast<int>(threadIdx.x) >= kAll) return;
    const int row = static_cast<int>(threadIdx.x) / kWords, word = static_cast<int>(threadIdx.x) % kWords;
    const int64_t first =
        ((static_cast<int64_t>(b) * p.heads + h) * p.queries + query + row) * p.keys + key + 32 * word;
    // Philox makes four numbers at once; the first four may begin before the word's first key.
    const int skip = static_cast<int>(first % 4);
    uint64_t kept = 0;
#pragma unroll 1
    for (int block = 0; 4 * block < 32 + skip; ++block) {
      const PhiloxBlock made = philox(p.seed, p.counter + static_cast<uint64_t>(first / 4 + block));
      uint32_t four = 0;
#pragma unroll
      for (int i = 0; i < 4; ++i) four |= (made.word[i] >> 8 >= threshold ? 1u : 0u) << i;
      kept |= static_cast<uint64_t>(four) << (4 * block);
    }
    bits[threadIdx.x] = static_cast<uint32_t>(kept >> skip);
  }

  // Of the thread's element (i, j): whether its weight is kept.
  template <bool kKeysByRow>
  static __device__ __forceinline__ bool kept(const uint32_t* bits, int i, int j) {
    const int row = Tile::first_row() + i, column = Tile::lane() + 16 * j;
    const int query = kKeysByRow ? column : row, key = kKeysByRow ? row : column;
    return bits[query * kWords + key / 32] >> (key % 32) & 1;
  }
};

}  // namespace nabla::cuda
