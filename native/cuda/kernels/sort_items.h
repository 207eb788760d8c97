// Rows of items in order. An item is a key with a place, and all items of a row differ, so that any way of sorting
// them is stable. Tiles are sorted in shared memory, by Batcher's bitonic network; then runs are merged two by two
// (Green, Odeh and Birk, "Merge path - a visually intuitive approach to parallel merging", 2014).
#pragma once
#include <cstdint>

#include "core/kernel.h"
#include "cuda/launch.h"
#include "cuda/queue.h"

namespace nabla::cuda {

// A key of 32 bits above a place.
using Item32 = uint64_t;
// A key of 64 bits.
struct alignas(16) Item64 {
  uint64_t key, place;
};

template <typename Item, typename Key>
__device__ Item make_item(Key key, uint32_t place) {
  if constexpr (sizeof(Item) == sizeof(Item32)) {
    return static_cast<Item>(key) << 32 | place;
  } else {
    return Item{key, place};
  }
}
__device__ inline bool before(Item32 a, Item32 b) { return a < b; }
__device__ inline bool before(const Item64& a, const Item64& b) {
  return a.key < b.key || (a.key == b.key && a.place < b.place);
}
__device__ inline uint32_t place_of(Item32 item) { return static_cast<uint32_t>(item); }
__device__ inline uint32_t place_of(const Item64& item) { return static_cast<uint32_t>(item.place); }
__device__ inline uint32_t key_of(Item32 item) { return static_cast<uint32_t>(item >> 32); }

// Behind all others.
template <typename Item>
__device__ Item last_item() {
  if constexpr (sizeof(Item) == sizeof(Item32)) {
    return ~Item32{0};
  } else {
    return Item{~uint64_t{0}, ~uint64_t{0}};
  }
}

// The first of n items in order that are not before a key.
__device__ inline int lower_bound(const Item32* items, int n, uint32_t key) {
  int low = 0, high = n;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (key_of(items[middle]) < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

constexpr int kSortThreads = 256;
constexpr int kSortTile = 1024;

// A row's n elements are cut into segments of a power of two, which are sorted; from each, `kept` items go side by
// side into a row of `row_kept`.
struct SegmentPlan {
  int n;
  uint32_t segment, segments_per_row, segments;
  uint32_t kept, row_kept;
};

// Where items go, or their places, unless that is null.
template <typename Item>
struct SortTarget {
  Item* items;
  int32_t* places;

  __device__ void put(int64_t at, const Item& item) const {
    if (places != nullptr) {
      places[at] = static_cast<int32_t>(place_of(item));
    } else {
      items[at] = item;
    }
  }
};

// load(row, i) makes element i's item.
template <typename Item, typename Load>
__global__ void __launch_bounds__(kSortThreads) sort_segments(Load load, SegmentPlan plan, SortTarget<Item> target) {
  SHARED(Item, tile, [kSortTile]);
  const uint32_t segment = plan.segment, first = blockIdx.x * (kSortTile / segment);
  for (uint32_t e = threadIdx.x; e < kSortTile; e += kSortThreads) {
    const uint32_t s = first + e / segment, row = s / plan.segments_per_row;
    const int64_t i = int64_t{s - row * plan.segments_per_row} * segment + e % segment;
    tile[e] = s < plan.segments && i < plan.n ? load(int64_t{row}, static_cast<int>(i)) : last_item<Item>();
  }
  __syncthreads();
  for (uint32_t k = 2; k <= segment; k *= 2) {
    for (uint32_t j = k / 2; j > 0; j /= 2) {
      for (uint32_t pair = threadIdx.x; pair < kSortTile / 2; pair += kSortThreads) {
        const uint32_t low = 2 * pair - (pair & (j - 1)), high = low + j;
        // The last k leaves all segments ascending.
        const bool ascending = (low & (segment - 1) & k) == 0;
        const Item a = tile[low], b = tile[high];
        if (before(b, a) == ascending) {
          tile[low] = b;
          tile[high] = a;
        }
      }
      __syncthreads();
    }
  }
  for (uint32_t e = threadIdx.x; e < kSortTile; e += kSortThreads) {
    const uint32_t s = first + e / segment, row = s / plan.segments_per_row;
    if (s >= plan.segments || e % segment >= plan.kept) continue;
    const uint32_t i = (s - row * plan.segments_per_row) * plan.kept + e % segment;
    if (i < plan.row_kept) target.put(int64_t{row} * plan.row_kept + i, tile[e]);
  }
}

// Of the first `count` items of the merged a and b, how many are a's.
template <typename Item>
__device__ int merge_split(const Item* a, int a_size, const Item* b, int b_size, int count) {
  int low = count > b_size ? count - b_size : 0, high = count < a_size ? count : a_size;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (before(b[count - 1 - middle], a[middle])) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// Rows of n items in runs of `run` become rows of runs twice as long. Each block makes one tile of them, of which a row
// has `tiles`. The first row_kept items of a row are written.
template <typename Item>
__global__ void __launch_bounds__(kSortThreads)
    merge_runs(const Item* from, int n, int run, int tiles, int row_kept, SortTarget<Item> target) {
  SHARED(Item, tile, [kSortTile]);
  SHARED(int, splits, [2]);
  const int64_t row = blockIdx.x / tiles, begin = (blockIdx.x - row * tiles) * kSortTile;
  const int64_t a_begin = begin / (2 * int64_t{run}) * (2 * int64_t{run});
  const int a_size = static_cast<int>(n - a_begin < run ? n - a_begin : run);
  const int64_t b_left = n - a_begin - a_size;
  const int b_size = static_cast<int>(b_left < run ? b_left : run);
  const Item *a = from + row * n + a_begin, *b = a + a_size;
  const int skipped = static_cast<int>(begin - a_begin), left = a_size - skipped + b_size;
  const int count = left < kSortTile ? left : kSortTile;
  // In two warps, so that neither waits for the other.
  if (threadIdx.x == 0) splits[0] = merge_split(a, a_size, b, b_size, skipped);
  if (threadIdx.x == 32) splits[1] = merge_split(a, a_size, b, b_size, skipped + count);
  __syncthreads();
  const int a_first = splits[0], a_count = splits[1] - a_first, b_first = skipped - a_first;
  for (int i = threadIdx.x; i < count; i += kSortThreads) {
    tile[i] = i < a_count ? a[a_first + i] : b[b_first + i - a_count];
  }
  __syncthreads();
  constexpr int kEach = kSortTile / kSortThreads;
  const int mine = threadIdx.x * kEach;
  if (mine >= count) return;
  const Item* b_tile = tile + a_count;
  int i = merge_split(static_cast<const Item*>(tile), a_count, b_tile, count - a_count, mine), j = mine - i;
  const int64_t at = row * row_kept + begin + mine;
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    if (mine + k >= count || begin + mine + k >= row_kept) return;
    const bool from_a = j >= count - a_count || (i < a_count && before(tile[i], b_tile[j]));
    target.put(at + k, from_a ? tile[i++] : b_tile[j++]);
  }
}

template <typename Item>
struct LoadItems {
  const Item* items;
  int64_t n;
  __device__ Item operator()(int64_t row, int i) const { return items[row * n + i]; }
};

// Of each segment, `kept` items are kept, and of each row at most row_kept.
template <typename Item, typename Load>
void sort_in_segments(KernelArgs& args, const Load& load, int64_t rows, int64_t n, int64_t kept, int64_t row_kept,
                      const SortTarget<Item>& target) {
  uint32_t segment = 1;
  while (segment < n && segment < kSortTile) segment *= 2;
  const int64_t segments_per_row = (n + segment - 1) / segment, segments = rows * segments_per_row;
  const auto number = [](int64_t x) { return static_cast<uint32_t>(x); };
  const SegmentPlan plan{static_cast<int>(n), segment,      number(segments_per_row),
                         number(segments),    number(kept), number(row_kept)};
  launch(sort_segments<Item, Load>, blocks_for(segments, kSortTile / segment), kSortThreads, 0, queue_of(args).stream(),
         load, plan, target);
}

// The first `kept` of the n items of each row in order: as places, unless that is null, or else as the items that are
// returned.
template <typename Item, typename Load>
const Item* sort_rows(KernelArgs& args, const Load& load, int64_t rows, int64_t n, int64_t kept, int32_t* places) {
  const auto in_one_tile = [&](int64_t size, const auto& from) {
    Item* items = places != nullptr ? nullptr : args.workspace.array<Item>(rows * kept);
    sort_in_segments<Item>(args, from, rows, size, kept, kept, {items, places});
    return items;
  };
  if (n <= kSortTile) return in_one_tile(n, load);

  if (kept <= kSortTile / 4) {
    // What comes first in a row comes first in its tile: the rest of each tile is dropped.
    const auto reduced = [&](int64_t size, const auto& from) {
      const int64_t left = (size + kSortTile - 1) / kSortTile * kept;
      Item* items = args.workspace.array<Item>(rows * left);
      sort_in_segments<Item>(args, from, rows, size, kept, left, {items, nullptr});
      return LoadItems<Item>{items, left};
    };
    LoadItems<Item> rest = reduced(n, load);
    while (rest.n > kSortTile) rest = reduced(rest.n, rest);
    return in_one_tile(rest.n, rest);
  }

  Item* from = args.workspace.array<Item>(rows * n);
  Item* to = args.workspace.array<Item>(rows * n);
  sort_in_segments<Item>(args, load, rows, n, kSortTile, n, {from, nullptr});
  for (int64_t run = kSortTile; run < n; run *= 2) {
    const bool last = 2 * run >= n;
    const int64_t written = last ? kept : n, tiles = (written + kSortTile - 1) / kSortTile;
    launch(merge_runs<Item>, static_cast<unsigned>(rows * tiles), kSortThreads, 0, queue_of(args).stream(), from, n,
           run, tiles, written, SortTarget<Item>{to, last ? places : nullptr});
    Item* const other = from;
    from = to;
    to = other;
  }
  return from;
}

}  // namespace nabla::cuda
