// The order of the elements of rows: argSort, and topK, which finds only the first of them. Elements become unsigned
// keys of the same order. Short rows are sorted by insertion, longer ones by radix, least significant byte first; both
// keep equal keys in their order.
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
using KeyOf = std::conditional_t<sizeof(T) == 8, uint64_t, std::conditional_t<sizeof(T) == 1, uint8_t, uint32_t>>;

// The greater the element, the greater the key; NaN is the greatest, -0 is 0.
template <typename T>
NABLA_INLINE KeyOf<T> key_of(T x) {
  using Key = KeyOf<T>;
  constexpr Key kSign = static_cast<Key>(Key(1) << (8 * sizeof(Key) - 1));
  if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return static_cast<Key>(~Key(0));
    if (x == 0) return kSign;
    Key bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits & kSign ? ~bits : bits | kSign;
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<Key>(x) ^ kSign;
  } else {
    return x;
  }
}

template <typename Key>
struct Item {
  Key key;
  int32_t index;
};

template <typename T>
NABLA_INLINE void fill_items(const T* x, int64_t n, bool descending, Item<KeyOf<T>>* items) {
  using Key = KeyOf<T>;
  const Key flip = static_cast<Key>(descending ? ~Key(0) : 0);
  for (int64_t i = 0; i < n; ++i) items[i] = {static_cast<Key>(key_of(x[i]) ^ flip), static_cast<int32_t>(i)};
}

template <typename Key>
NABLA_INLINE void insertion_sort(Item<Key>* items, int64_t n) {
  for (int64_t i = 1; i < n; ++i) {
    const Item<Key> item = items[i];
    int64_t j = i;
    for (; j > 0 && items[j - 1].key > item.key; --j) items[j] = items[j - 1];
    items[j] = item;
  }
}

// Sorts `items` with the help of as many in `other`; the result is in the one that is returned.
template <typename Key>
Item<Key>* radix_sort(Item<Key>* items, Item<Key>* other, int64_t n) {
  constexpr int kDigits = sizeof(Key), kValues = 256;
  int32_t counts[kDigits][kValues] = {};
  for (int64_t i = 0; i < n; ++i) {
    for (int d = 0; d < kDigits; ++d) ++counts[d][items[i].key >> (8 * d) & 255];
  }
  for (int d = 0; d < kDigits; ++d) {
    if (counts[d][items[0].key >> (8 * d) & 255] == n) continue;  // the byte is the same everywhere
    int32_t place = 0;
    for (int32_t& count : counts[d]) {
      const int32_t first = place;
      place += count;
      count = first;
    }
    for (int64_t i = 0; i < n; ++i) other[counts[d][items[i].key >> (8 * d) & 255]++] = items[i];
    Item<Key>* sorted = other;
    other = items;
    items = sorted;
  }
  return items;
}

constexpr int64_t kShort = 48;

template <typename Key>
NABLA_INLINE const Item<Key>* sort_items(Item<Key>* items, int64_t n) {
  if (n > kShort) return radix_sort(items, items + n, n);
  insertion_sort(items, n);
  return items;
}

// Comes after in the order of keys, then of places.
template <typename Key>
NABLA_INLINE bool after(Item<Key> a, Item<Key> b) {
  return a.key > b.key || (a.key == b.key && a.index > b.index);
}

// Lets heap[0] sink to its place in a heap of n items whose last in order is at the top.
template <typename Key>
NABLA_INLINE void sink(Item<Key>* heap, int64_t n, int64_t from) {
  const Item<Key> item = heap[from];
  int64_t at = from;
  for (int64_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
    if (child + 1 < n && after(heap[child + 1], heap[child])) ++child;
    if (!after(heap[child], item)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = item;
}

// The k first in order, of n >= k > 0 elements, by a heap of the best so far.
template <typename T>
void select_first(const T* x, int64_t n, int64_t k, bool sorted, Item<KeyOf<T>>* heap) {
  using Key = KeyOf<T>;
  fill_items(x, k, true, heap);
  for (int64_t i = k / 2 - 1; i >= 0; --i) sink(heap, k, i);
  for (int64_t i = k; i < n; ++i) {
    const Key key = static_cast<Key>(~key_of(x[i]));
    if (key >= heap[0].key) continue;
    heap[0] = {key, static_cast<int32_t>(i)};
    sink(heap, k, 0);
  }
  if (!sorted) return;
  for (int64_t last = k - 1; last > 0; --last) {
    const Item<Key> item = heap[last];
    heap[last] = heap[0];
    heap[0] = item;
    sink(heap, last, 0);
  }
}

// body(row, scratch) for every row, with scratch of `size` items.
template <typename Key, typename Body>
NABLA_INLINE void for_rows(KernelArgs& args, int64_t rows, int64_t columns, int64_t size, Body&& body) {
  constexpr int64_t kElementsPerTask = 8192, kMostTasks = 32;  // each task has scratch of its own
  int64_t grain = kElementsPerTask / columns + 1;
  if ((rows + grain - 1) / grain > kMostTasks) grain = (rows + kMostTasks - 1) / kMostTasks;
  const int64_t tasks = (rows + grain - 1) / grain;
  Item<Key>* scratch = args.workspace.array<Item<Key>>(tasks * size);
  parallel_for(args.pool, tasks, [&](int64_t task) {
    const int64_t end = (task + 1) * grain < rows ? (task + 1) * grain : rows;
    for (int64_t r = task * grain; r < end; ++r) body(r, scratch + task * size);
  });
}

template <typename T>
void arg_sort(KernelArgs& args) {
  const TensorView& x = args.in[0];
  const int64_t n = x.shape[x.rank - 1];
  const bool descending = args.attr[0] != 0;
  int32_t* out = args.out[0].as<int32_t>();
  for_rows<KeyOf<T>>(args, x.numel() / n, n, n > kShort ? 2 * n : n, [&](int64_t r, Item<KeyOf<T>>* items) {
    fill_items(x.as<const T>() + r * n, n, descending, items);
    const Item<KeyOf<T>>* sorted = sort_items(items, n);
    for (int64_t i = 0; i < n; ++i) out[r * n + i] = sorted[i].index;
  });
}

template <typename T>
void top_k(KernelArgs& args) {
  const TensorView& x = args.in[0];
  const int64_t n = x.shape[x.rank - 1], k = static_cast<int64_t>(args.attr[0]);
  const bool sorted = args.attr[1] != 0;
  int32_t* out = args.out[0].as<int32_t>();
  // A heap that takes most of the elements is slower than sorting them all.
  const bool few = k <= n / 16 + 1;
  const int64_t size = few ? k : n > kShort ? 2 * n : n;
  for_rows<KeyOf<T>>(args, x.numel() / n, n, size, [&](int64_t r, Item<KeyOf<T>>* items) {
    const T* row = x.as<const T>() + r * n;
    const Item<KeyOf<T>>* first = items;
    if (few) {
      select_first(row, n, k, sorted, items);
    } else {
      fill_items(row, n, true, items);
      first = sort_items(items, n);
    }
    for (int64_t i = 0; i < k; ++i) out[r * k + i] = first[i].index;
  });
}

void check(const KernelArgs& args, int attributes) {
  const TensorView &x = args.in[0], &out = args.out[0];
  NABLA_CHECK(args.n_attr >= attributes && x.rank > 0 && x.contiguous(), "x must be contiguous");
  NABLA_CHECK(out.dtype == DType::int32 && out.rank == x.rank, "the output must be int32");
}

}  // namespace

void argSort(KernelArgs& args) {
  check(args, 1);
  const TensorView& x = args.in[0];
  NABLA_CHECK(args.out[0].numel() == x.numel(), "the output's size is wrong");
  if (x.numel() == 0) return;
  switch (x.dtype) {
    case DType::float32: return arg_sort<float>(args);
    case DType::float64: return arg_sort<double>(args);
    case DType::int32: return arg_sort<int32_t>(args);
    case DType::uint8:
    case DType::boolean: return arg_sort<uint8_t>(args);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

void topK(KernelArgs& args) {
  check(args, 2);
  const TensorView& x = args.in[0];
  const int64_t n = x.shape[x.rank - 1];
  NABLA_CHECK(args.attr[0] >= 0 && args.attr[0] <= static_cast<double>(n), "k is out of range");
  const int64_t k = static_cast<int64_t>(args.attr[0]);
  if (args.out[0].numel() == 0 || x.numel() == 0) return;
  NABLA_CHECK(args.out[0].numel() == x.numel() / n * k, "the output's size is wrong");
  switch (x.dtype) {
    case DType::float32: return top_k<float>(args);
    case DType::float64: return top_k<double>(args);
    case DType::int32: return top_k<int32_t>(args);
    case DType::uint8:
    case DType::boolean: return top_k<uint8_t>(args);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace nabla::NABLA_ISA
