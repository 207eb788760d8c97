// gather, embedding and scatterAdd: slices of one axis picked, or added to, by int32 indices. Negative indices count
// from the end, as in NumPy.
#include <cstdint>
#include <cstring>

#include "core/indexing.h"
#include "cpu/isa_namespace.h"

namespace nabla::NABLA_ISA {
namespace {

void check_indices(const int32_t* indices, const Slices& s) {
  int32_t lowest = 0, highest = 0;
  for (int64_t i = 0; i < s.count; ++i) {
    lowest = indices[i] < lowest ? indices[i] : lowest;
    highest = indices[i] > highest ? indices[i] : highest;
  }
  if (s.count == 0 || (lowest >= -s.axis_size && highest < s.axis_size)) return;
  for (int64_t i = 0; i < s.count; ++i) {
    if (indices[i] < -s.axis_size || indices[i] >= s.axis_size) {
      kernel_error(ErrorKind::index, "index %d at position %lld is outside [0, %lld)", indices[i],
                   static_cast<long long>(i), static_cast<long long>(s.axis_size));
    }
  }
}

NABLA_INLINE int64_t resolve(int32_t index, int64_t axis_size) { return index < 0 ? index + axis_size : index; }

// Rows are picked at random, which the hardware prefetcher cannot foresee: fetch the row after the next
// while this one is copied.
constexpr int64_t kPrefetchRows = 2;
constexpr int64_t kCacheLine = 64;

NABLA_INLINE void prefetch_row(const char* row, int64_t bytes) {
  for (int64_t b = 0; b < bytes; b += kCacheLine) __builtin_prefetch(row + b, 0, 2);
}

// Whole rows of `bytes` bytes.
void gather_rows(const char* x, char* out, const int32_t* indices, int64_t rows, int64_t axis_size, int64_t bytes) {
  for (int64_t r = 0; r < rows; ++r) {
    if (r + kPrefetchRows < rows) {
      prefetch_row(x + resolve(indices[r + kPrefetchRows], axis_size) * bytes, bytes < 4096 ? bytes : 4096);
    }
    std::memcpy(out + r * bytes, x + resolve(indices[r], axis_size) * bytes, static_cast<size_t>(bytes));
  }
}

// Rows of `size` elements of a power of two bytes, too short to be worth a call to memcpy.
template <typename T>
void gather_short_rows(const char* x, char* out, const int32_t* indices, int64_t rows, int64_t axis_size,
                       int64_t size) {
  const T* source = reinterpret_cast<const T*>(x);
  T* target = reinterpret_cast<T*>(out);
  if (size == 1) {
    for (int64_t r = 0; r < rows; ++r) target[r] = source[resolve(indices[r], axis_size)];
    return;
  }
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = source + resolve(indices[r], axis_size) * size;
    for (int64_t j = 0; j < size; ++j) *target++ = row[j];
  }
}

void gather_range(const char* x, char* out, const int32_t* indices, int64_t rows, const Slices& s, int64_t element) {
  constexpr int64_t kShortRow = 32;
  const int64_t bytes = s.inner * element;
  if (bytes > kShortRow) {
    gather_rows(x, out, indices, rows, s.axis_size, bytes);
  } else if (element == 8) {
    gather_short_rows<uint64_t>(x, out, indices, rows, s.axis_size, s.inner);
  } else if (element == 4) {
    gather_short_rows<uint32_t>(x, out, indices, rows, s.axis_size, s.inner);
  } else if (element == 2) {
    gather_short_rows<uint16_t>(x, out, indices, rows, s.axis_size, s.inner);
  } else {
    gather_short_rows<uint8_t>(x, out, indices, rows, s.axis_size, s.inner);
  }
}

// Integers come as unsigned types, so that they wrap.
template <typename T>
NABLA_INLINE void add_row(T* __restrict target, const T* __restrict update, int64_t n) {
  for (int64_t j = 0; j < n; ++j) target[j] = static_cast<T>(target[j] + update[j]);
}

// One element, repeated along all axes.
bool is_one_value(const TensorView& x) {
  for (int i = 0; i < x.rank; ++i) {
    if (x.shape[i] != 1 && x.stride[i] != 0) return false;
  }
  return true;
}

// x's rows [begin, end), which updates are then added to.
template <typename T>
NABLA_INLINE void copy_base(const TensorView& x, T* out, int64_t begin, int64_t end, int64_t inner) {
  if (is_one_value(x)) {
    const T value = *x.as<const T>();
    for (int64_t j = begin * inner; j < end * inner; ++j) out[j] = value;
  } else {
    std::memcpy(out + begin * inner, x.as<const T>() + begin * inner,
                static_cast<size_t>((end - begin) * inner) * sizeof(T));
  }
}

// For many indices of short rows in one slice: first the indices are dealt into buckets, one for each range of rows,
// in which they keep their order. Then every range has one task, which sees its own indices only.
template <typename T>
void scatter_add_in_buckets(const int32_t* indices, const Slices& s, KernelArgs& args) {
  constexpr int64_t kBuckets = 64, kChunk = 16384;  // kChunk indices are dealt at once
  const T* updates = args.in[2].as<const T>();
  T* out = args.out[0].as<T>();
  int shift = 0;  // a range has 2^shift rows
  while ((s.axis_size - 1) >> shift >= kBuckets) ++shift;
  const int64_t chunks = (s.count + kChunk - 1) / kChunk;
  int64_t* place = args.workspace.array<int64_t>(chunks * kBuckets);
  int32_t* dealt = args.workspace.array<int32_t>(s.count);
  const auto for_chunk = [&](int64_t chunk, auto&& body) {
    const int64_t end = (chunk + 1) * kChunk < s.count ? (chunk + 1) * kChunk : s.count;
    for (int64_t i = chunk * kChunk; i < end; ++i)
      body(i, place[chunk * kBuckets + (resolve(indices[i], s.axis_size) >> shift)]);
  };
  parallel_for(args.pool, chunks, [&](int64_t chunk) {
    for (int64_t b = 0; b < kBuckets; ++b) place[chunk * kBuckets + b] = 0;
    for_chunk(chunk, [](int64_t, int64_t& count) { ++count; });
  });
  int64_t first[kBuckets + 1], total = 0;
  for (int64_t b = 0; b < kBuckets; ++b) {
    first[b] = total;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const int64_t count = place[chunk * kBuckets + b];
      place[chunk * kBuckets + b] = total;
      total += count;
    }
  }
  first[kBuckets] = total;
  parallel_for(args.pool, chunks, [&](int64_t chunk) {
    for_chunk(chunk, [&](int64_t i, int64_t& at) { dealt[at++] = static_cast<int32_t>(i); });
  });
  parallel_for(args.pool, kBuckets, [&](int64_t b) {
    const int64_t begin = b << shift, end = (b + 1) << shift < s.axis_size ? (b + 1) << shift : s.axis_size;
    if (begin >= end) return;
    copy_base(args.in[0], out, begin, end, s.inner);
    for (int64_t k = first[b]; k < first[b + 1]; ++k) {
      const int64_t i = dealt[k];
      add_row(out + resolve(indices[i], s.axis_size) * s.inner, updates + i * s.inner, s.inner);
    }
  });
}

// Cuts the rows of `out` into ranges. A range is copied from x and then takes, in the indices' order, the updates that
// fall into it; so every element is written by one task and summed in one order.
template <typename T>
void scatter_add(const int32_t* indices, const Slices& s, KernelArgs& args) {
  const T* updates = args.in[2].as<const T>();
  T* out = args.out[0].as<T>();
  constexpr int64_t kMinElementsPerTask = 32768, kMaxTasks = 64;
  const int64_t rows = s.outer * s.axis_size;
  const int64_t work = rows * s.inner + s.outer * s.count * s.inner;
  int64_t tasks = work / kMinElementsPerTask + 1;
  // Each task of one outer slice looks at all its indices: keep that below the work of adding them.
  if (s.outer == 1 && tasks > 1 + work / (4 * (s.count + 1))) {
    if (s.count >= kMinElementsPerTask) return scatter_add_in_buckets<T>(indices, s, args);
    tasks = 1 + work / (4 * (s.count + 1));
  }
  if (tasks > kMaxTasks) tasks = kMaxTasks;
  const int64_t grain = (rows + tasks - 1) / tasks;
  parallel_ranges(args.pool, rows, grain, [&](int64_t begin, int64_t end) {
    copy_base(args.in[0], out, begin, end, s.inner);
    for (int64_t o = begin / s.axis_size; o * s.axis_size < end; ++o) {
      const T* update = updates + o * s.count * s.inner;
      for (int64_t i = 0; i < s.count; ++i) {
        const int64_t row = o * s.axis_size + resolve(indices[i], s.axis_size);
        if (row >= begin && row < end) add_row(out + row * s.inner, update + i * s.inner, s.inner);
      }
    }
  });
}

}  // namespace

void gather(KernelArgs& args) {
  const TensorView &x = args.in[0], &indices = args.in[1], &out = args.out[0];
  const Slices s = slices_of(x, indices, args);
  NABLA_CHECK(x.contiguous(), "x must be contiguous");
  NABLA_CHECK(out.dtype == x.dtype && out.numel() == s.outer * s.count * s.inner, "the output's size is wrong");
  const int32_t* index = indices.as<const int32_t>();
  check_indices(index, s);
  const int64_t rows = s.outer * s.count;
  if (rows * s.inner == 0) return;

  constexpr int64_t kBytesPerTask = 128 * 1024;
  const int64_t element = dtype_size(x.dtype), row_bytes = s.inner * element;
  const int64_t grain = row_bytes < kBytesPerTask ? kBytesPerTask / row_bytes : 1;
  parallel_ranges(args.pool, rows, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t o = begin / s.count, i = begin - o * s.count;
      const int64_t n = end - begin < s.count - i ? end - begin : s.count - i;
      const char* slice = x.as<const char>() + o * s.axis_size * row_bytes;
      gather_range(slice, out.as<char>() + begin * row_bytes, index + i, n, s, element);
      begin += n;
    }
  });
}

void embedding(KernelArgs& args) { gather(args); }

void scatterAdd(KernelArgs& args) {
  const TensorView &x = args.in[0], &indices = args.in[1], &updates = args.in[2], &out = args.out[0];
  const Slices s = slices_of(x, indices, args);
  NABLA_CHECK(x.contiguous() || is_one_value(x), "x must be contiguous or one element broadcast");
  NABLA_CHECK(updates.dtype == x.dtype && out.dtype == x.dtype && updates.contiguous(),
              "updates must be contiguous and of x's dtype");
  NABLA_CHECK(updates.numel() == s.outer * s.count * s.inner && out.numel() == x.numel(), "the updates' size is wrong");
  const int32_t* index = indices.as<const int32_t>();
  check_indices(index, s);
  if (x.numel() == 0) return;
  switch (x.dtype) {
    case DType::float32: return scatter_add<float>(index, s, args);
    case DType::float64: return scatter_add<double>(index, s, args);
    case DType::int32: return scatter_add<uint32_t>(index, s, args);
    case DType::uint8: return scatter_add<uint8_t>(index, s, args);
    default: kernel_error(ErrorKind::native, "the dtype is not supported");
  }
}

}  // namespace nabla::NABLA_ISA
