#include "cpu/gemm/microkernel.h"

#include <type_traits>
#include <utility>

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

template <typename T, int rows, Width width, bool column_wise>
void tile(int n, const ATile<T>& a, const T* b, int64_t ldb, const CTile<T>& c, bool accumulate,
          const Epilogue<T>* epilogue) {
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
    for (int64_t k = 0; k < a.run; ++k) {
      V row[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) row[v] = columns.load(b, v);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const V x = V::set(pa.at(i));
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sum[i][v] = fma(x, row[v], sum[i][v]);
      }
      pa.next_k();
      b += ldb;
    }
  }

  // One pass over the registers for each step, so that the choices do not multiply the code.
  const auto each = [&](auto&& step) __attribute__((always_inline)) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[i][v] = step(sum[i][v], c.c + i * c.ldc, v);
    }
  };
  if (accumulate) each([&](V x, T* row, int v) { return columns.load(row, v) + x; });
  if (epilogue && epilogue->bias) {
    const V first = columns.load(epilogue->bias, 0);
    const V last = columns.load(epilogue->bias, vectors - 1);
    each([&](V x, T*, int v) { return x + (v == 0 ? first : last); });
  }
  // In this order NaN stays NaN.
  if (epilogue && epilogue->activation == Activation::relu) each([](V x, T*, int) { return max(V::zero(), x); });
  each([&](V x, T* row, int v) {
    columns.store(x, row, v);
    return x;
  });
}

// The activations that cost more than a pass over the stored tile, which is still in L1.
template <typename T, typename F>
void activate(int m, int n, const CTile<T>& c, F&& f) {
  using V = Vec<T>;
  for (int i = 0; i < m; ++i) {
    T* row = c.c + i * c.ldc;
    int j = 0;
    for (; j + V::width <= n; j += V::width) f(V::load(row + j)).store(row + j);
    if (j < n) f(V::load_part(row + j, n - j)).store_part(row + j, n - j);
  }
}

template <typename T>
using Tile = void (*)(int n, const ATile<T>& a, const T* b, int64_t ldb, const CTile<T>& c, bool accumulate,
                      const Epilogue<T>* epilogue);

template <typename T, Width width, bool column_wise>
struct ByRows {
  Tile<T> of[TileShape<T>::MR];
};
template <typename T, Width width, bool column_wise, int... row>
constexpr ByRows<T, width, column_wise> by_rows(std::integer_sequence<int, row...>) {
  return {{&tile<T, row + 1, width, column_wise>...}};
}
template <typename T, Width width, bool column_wise>
constexpr ByRows<T, width, column_wise> kTiles =
    by_rows<T, width, column_wise>(std::make_integer_sequence<int, TileShape<T>::MR>());

}  // namespace

template <typename T>
void microkernel(int m, int n, const ATile<T>& a, const T* b, int64_t ldb, const CTile<T>& c, bool accumulate,
                 const Epilogue<T>* epilogue) {
  if (m <= 0 || n <= 0) return;
  constexpr int width = TileVec<T>::width;
  const bool column_wise = a.row_stride == 1 && a.k_stride != 1;
  const Tile<T>* tiles;
  if (n == TileShape<T>::NR) {
    tiles = column_wise ? kTiles<T, Width::full, true>.of : kTiles<T, Width::full, false>.of;
  } else if (n > width) {
    tiles = column_wise ? kTiles<T, Width::two_masked, true>.of : kTiles<T, Width::two_masked, false>.of;
  } else {
    tiles = column_wise ? kTiles<T, Width::one_masked, true>.of : kTiles<T, Width::one_masked, false>.of;
  }
  tiles[m - 1](n, a, b, ldb, c, accumulate, epilogue);
  if (epilogue && epilogue->activation == Activation::sigmoid) {
    activate(m, n, c, [](Vec<T> x) { return sigmoid(x); });
  } else if (epilogue && epilogue->activation == Activation::tanh) {
    activate(m, n, c, [](Vec<T> x) { return tanh(x); });
  }
}

template void microkernel<float>(int, int, const ATile<float>&, const float*, int64_t, const CTile<float>&, bool,
                                 const Epilogue<float>*);
template void microkernel<double>(int, int, const ATile<double>&, const double*, int64_t, const CTile<double>&, bool,
                                  const Epilogue<double>*);

}  // namespace nabla::NABLA_ISA
