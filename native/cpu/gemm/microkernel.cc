#include "cpu/gemm/microkernel.h"

#include <type_traits>
#include <utility>

#include "cpu/simd/erf.h"
#include "cpu/simd/lanes.h"
#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {
namespace {

// Which loads and stores a tile needs: full rows of NR, or 1 to `vectors` vectors of which the last is masked.
enum class Width { full, two_masked, one_masked };

template <typename T, Width width>
struct Columns {
  static constexpr int vectors = width == Width::one_masked ? 1 : 2;
  int last;  // lanes of the last vector

  NABLA_INLINE explicit Columns(int n) : last(n - (vectors - 1) * TileVec<T>::width) {}
  NABLA_INLINE TileVec<T> load(const T* row, int v) const {
    if (width == Width::full || v < vectors - 1) return TileVec<T>::load(row + v * TileVec<T>::width);
    return TileVec<T>::load_part(row + v * TileVec<T>::width, last);
  }
  NABLA_INLINE void store(TileVec<T> x, T* row, int v) const {
    if (width == Width::full || v < vectors - 1) {
      x.store(row + v * TileVec<T>::width);
    } else {
      x.store_part(row + v * TileVec<T>::width, last);
    }
  }
};

// Where the rows of A lie, for row-wise A (k_stride 1). Every third row has a pointer, the two rows after it are
// reached by an index register: 14 rows then fit into the general registers.
template <typename T, int rows>
struct RowPointers {
  static constexpr int kPointers = (rows + 2) / 3;
  const T* p[kPointers];
  int64_t stride;

  NABLA_INLINE RowPointers(const T* a, int64_t row_stride) : stride(row_stride) {
#pragma GCC unroll 5
    for (int i = 0; i < kPointers; ++i) {
      p[i] = a + 3 * i * row_stride;
      // Hides the relation between the pointers, or the compiler keeps one offset per row and spills them.
      __asm__("" : "+r"(p[i]));
    }
  }
  NABLA_INLINE T at(int row) const { return p[row / 3][row % 3 * stride]; }
  NABLA_INLINE void next_k() {
#pragma GCC unroll 5
    for (int i = 0; i < kPointers; ++i) ++p[i];
  }
};

// The same for column-wise A (row_stride 1): packed panels, or a transposed matrix.
template <typename T, int rows>
struct ColumnPointer {
  const T* p;
  int64_t stride;

  NABLA_INLINE ColumnPointer(const T* a, int64_t k_stride) : p(a), stride(k_stride) {}
  NABLA_INLINE T at(int row) const { return p[row]; }
  NABLA_INLINE void next_k() { p += stride; }
};

// One step of K: sum + x * row.
struct MultiplyAdd {
  template <typename V>
  NABLA_INLINE static V step(V x, V row, V sum) {
    return fma(x, row, sum);
  }
};
#if defined(NABLA_ISA_AVX512)
// A step of two: each lane is a pair of bfloat16. Assembly, because the rest of the object must not assume AVX512_BF16.
struct MultiplyAddPairs {
  NABLA_INLINE static Vec<float> step(Vec<float> x, Vec<float> row, Vec<float> sum) {
    __m512 v = sum.v;
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(v) : "v"(x.v), "v"(row.v));
    return {v};
  }
};
#endif

template <typename T, int rows, Width width, bool column_wise, typename Step>
void tile(int n, const ATile<T>& a, const T* b, int64_t ldb, const CTile<T>& c, bool accumulate,
          const Epilogue<T>* epilogue, Ahead* ahead) {
  using V = TileVec<T>;
  const Columns<T, width> columns(n);
  constexpr int vectors = Columns<T, width>::vectors;
  V sum[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sum[i][v] = V::zero();
  }

  // The result is needed after the K loop only: it comes meanwhile.
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) __builtin_prefetch(c.c + i * c.ldc + v * V::width, 1);
  }

  for (int64_t s = 0; s < a.segments; ++s) {
    using Pointer = std::conditional_t<column_wise, ColumnPointer<T, rows>, RowPointers<T, rows>>;
    Pointer pa(a.a + s * a.segment_stride, column_wise ? a.k_stride : a.row_stride);
    const auto step = [&]() __attribute__((always_inline)) {
      V row[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) row[v] = columns.load(b, v);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const V x = V::set(pa.at(i));
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sum[i][v] = Step::step(x, row[v], sum[i][v]);
      }
      pa.next_k();
      b += ldb;
    };
    int64_t k = 0;
    while (k < a.run) {
      const char* line = nullptr;
      const int64_t lines = ahead ? ahead->take(line) : 0;
      const int64_t fetched = min_of(a.run, k + lines), end = lines > 0 ? min_of(a.run, k + Ahead::kSteps) : a.run;
      for (; k < fetched; ++k, line += Prefetcher::kLine) {
        __builtin_prefetch(line, 0, 2);
        step();
      }
      for (; k < end; ++k) step();
    }
  }

  // One pass over the registers for each step, so that the choices do not multiply the code.
  const auto each = [&](auto&& step) __attribute__((always_inline)) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[i][v] = step(sum[i][v], i * c.ldc, v);
    }
  };
  if (accumulate) each([&](V x, int64_t row, int v) { return columns.load(c.c + row, v) + x; });
  if (epilogue && epilogue->bias) {
    const V first = columns.load(epilogue->bias, 0);
    const V last = columns.load(epilogue->bias, vectors - 1);
    each([&](V x, int64_t, int v) { return x + (v == 0 ? first : last); });
  }
  // In this order NaN stays NaN.
  if (epilogue && epilogue->activation == Activation::relu) each([](V x, int64_t, int) { return max(V::zero(), x); });
  const bool finished = epilogue && epilogue->activation <= Activation::relu;
  if (finished && epilogue->residual) {
    each([&](V x, int64_t row, int v) { return x + columns.load(epilogue->residual + row, v); });
  }
  T* const out = epilogue && epilogue->z ? epilogue->z : c.c;
  each([&](V x, int64_t row, int v) {
    columns.store(x, out + row, v);
    return x;
  });
}

// The activations that cost more than a pass over the stored tile, which is still in L1.
template <typename T, typename F>
void activate_tile(int m, int n, const Epilogue<T>& epilogue, const CTile<T>& c, F&& f) {
  const T* z = epilogue.z ? epilogue.z : c.c;
  for (int i = 0; i < m; ++i) {
    const int64_t row = i * c.ldc;
    for_lanes<T>(0, n, [&](int64_t j, auto lanes) {
      Vec<T> y = f(lanes.load(z + row + j));
      if (epilogue.residual) y = y + lanes.load(epilogue.residual + row + j);
      lanes.store(c.c + row + j, y);
    });
  }
}

template <typename T>
using Tile = void (*)(int n, const ATile<T>& a, const T* b, int64_t ldb, const CTile<T>& c, bool accumulate,
                      const Epilogue<T>* epilogue, Ahead* ahead);

template <typename T>
struct ByRows {
  Tile<T> of[TileShape<T>::MR];
};
template <typename T, Width width, bool column_wise, typename Step, int... row>
constexpr ByRows<T> by_rows(std::integer_sequence<int, row...>) {
  return {{&tile<T, row + 1, width, column_wise, Step>...}};
}
template <typename T, Width width, bool column_wise, typename Step>
constexpr ByRows<T> kTiles = by_rows<T, width, column_wise, Step>(std::make_integer_sequence<int, TileShape<T>::MR>());

template <typename T, typename Step>
NABLA_INLINE void run(int m, int n, const ATile<T>& a, const T* b, int64_t ldb, const CTile<T>& c, bool accumulate,
                      const Epilogue<T>* epilogue, Ahead* ahead) {
  if (m <= 0 || n <= 0) return;
  constexpr int width = TileVec<T>::width;
  const bool column_wise = a.row_stride == 1 && a.k_stride != 1;
  const Tile<T>* tiles;
  if (n == TileShape<T>::NR) {
    tiles = column_wise ? kTiles<T, Width::full, true, Step>.of : kTiles<T, Width::full, false, Step>.of;
  } else if (n > width) {
    tiles = column_wise ? kTiles<T, Width::two_masked, true, Step>.of : kTiles<T, Width::two_masked, false, Step>.of;
  } else {
    tiles = column_wise ? kTiles<T, Width::one_masked, true, Step>.of : kTiles<T, Width::one_masked, false, Step>.of;
  }
  tiles[m - 1](n, a, b, ldb, c, accumulate, epilogue, ahead);
  if (!epilogue) return;
  switch (epilogue->activation) {
    case Activation::none:
    case Activation::relu: return;
    case Activation::sigmoid: return activate_tile(m, n, *epilogue, c, [](Vec<T> x) { return sigmoid(x); });
    case Activation::tanh: return activate_tile(m, n, *epilogue, c, [](Vec<T> x) { return tanh(x); });
    case Activation::gelu: return activate_tile(m, n, *epilogue, c, [](Vec<T> x) { return gelu(x); });
  }
}

}  // namespace

template <typename T>
void microkernel(int m, int n, const ATile<T>& a, const T* b, int64_t ldb, const CTile<T>& c, bool accumulate,
                 const Epilogue<T>* epilogue, Ahead* ahead) {
  run<T, MultiplyAdd>(m, n, a, b, ldb, c, accumulate, epilogue, ahead);
}

#if defined(NABLA_ISA_AVX512)
void microkernel_pairs(int m, int n, const ATile<float>& a, const float* b, int64_t ldb, const CTile<float>& c,
                       bool accumulate, const Epilogue<float>* epilogue, Ahead* ahead) {
  run<float, MultiplyAddPairs>(m, n, a, b, ldb, c, accumulate, epilogue, ahead);
}
#endif

template void microkernel<float>(int, int, const ATile<float>&, const float*, int64_t, const CTile<float>&, bool,
                                 const Epilogue<float>*, Ahead*);
template void microkernel<double>(int, int, const ATile<double>&, const double*, int64_t, const CTile<double>&, bool,
                                  const Epilogue<double>*, Ahead*);

}  // namespace nabla::NABLA_ISA
