#include "cpu/gemm/gemm.h"

#include "cpu/gemm/gemv.h"
#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/pack.h"
#include "cpu/gemm/prefetch.h"
#include "cpu/gemm/scratch.h"

namespace nabla::NABLA_ISA {
namespace {

NABLA_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
NABLA_INLINE int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }

// Less work than this is done sooner by one thread than handed out: a product of 88^3 for FMA, 128 KiB for memory.
constexpr double kWorthForking = 2.0 * 88 * 88 * 88;
constexpr int64_t kWorthForkingBytes = 128 * 1024;

// [0, n) cut into pieces of nearly equal numbers of units (the last unit may be partial).
struct Cut {
  int64_t n, unit, pieces;

  NABLA_INLINE static Cut at_most(int64_t n, int64_t unit, int64_t most) {
    return {n, unit, n > most ? ceil_div(n, most / unit * unit) : 1};
  }
  NABLA_INLINE int64_t units() const { return ceil_div(n, unit); }
  NABLA_INLINE int64_t begin(int64_t piece) const { return min(n, units() * piece / pieces * unit); }
  NABLA_INLINE int64_t largest() const { return min(n, ceil_div(units(), pieces) * unit); }
  NABLA_INLINE bool can_halve() const { return units() >= 2 * pieces; }
};

// The blocks in elements. A tile of A (MR x KC) stays in L1; a strip of B (KC x NC) stays in L2, beside the next one
// on its way.
template <typename T>
struct Blocks {
  static constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  static constexpr int64_t KC = sizeof(T) == 4 ? 384 : 256;
  static constexpr int64_t NC = sizeof(T) == 4 ? 192 : 128;
  static constexpr int64_t MC = 1024;  // the rows of a task: they share one packing of a strip
};

// How one product is cut: [m x n] into tasks, k into blocks. Depends on shapes and strides only.
template <typename T>
struct Plan {
  Cut rows, cols, depth;
  int64_t group;  // tasks that are handed out together
  bool pack_a, pack_b;

  NABLA_INLINE static Plan of(const GemmArgs<T>& g, int64_t entries) {
    using B = Blocks<T>;
    Plan plan;
    plan.depth = Cut::at_most(g.k, 16, B::KC);
    plan.cols = Cut::at_most(g.n, B::NR, B::NC);
    plan.rows = Cut::at_most(g.m, B::MR, B::MC);
    // Halves the tasks until there are enough to share evenly, while they are large; puts small ones together.
    constexpr int64_t kTasks = 8;
    double work = 2.0 * static_cast<double>(plan.rows.largest()) * static_cast<double>(plan.cols.largest()) *
                  static_cast<double>(g.k);
    for (; entries * plan.tasks() < kTasks && work >= kWorthForking; work /= 2) {
      const bool tall = plan.rows.largest() > 2 * plan.cols.largest();
      Cut& cut = plan.rows.can_halve() && (tall || !plan.cols.can_halve()) ? plan.rows : plan.cols;
      if (!cut.can_halve()) break;
      cut.pieces *= 2;
    }
    plan.group = work < kWorthForking / 2 ? static_cast<int64_t>(kWorthForking / 2 / (work + 1)) + 1 : 1;
    // In L2 an operand is as good as packed. A few rows use B too seldom to pay for packing it.
    const bool small = g.k * g.n * static_cast<int64_t>(sizeof(T)) <= 256 * 1024;
    plan.pack_b = g.b_col != 1 || (!small && plan.rows.largest() > 3 * B::MR);
    plan.pack_a = !small || (g.a_col != 1 && g.a_row != 1);
    return plan;
  }
  NABLA_INLINE int64_t tasks() const { return rows.pieces * cols.pieces; }
  NABLA_INLINE int64_t b_elements() const {
    return pack_b ? depth.largest() * ceil_div(cols.largest(), Blocks<T>::NR) * Blocks<T>::NR : 0;
  }
  NABLA_INLINE int64_t a_elements() const { return pack_a ? packed_a_elements<T>(depth.largest()) : 0; }
  NABLA_INLINE size_t scratch_bytes() const { return static_cast<size_t>(a_elements() + b_elements()) * sizeof(T); }
};

// One task: rows [i0, i1) and columns [j0, j1) over the whole of k.
template <typename T>
void compute(const GemmArgs<T>& g, const Plan<T>& plan, int64_t task, void* scratch) {
  using B = Blocks<T>;
  const int64_t row_piece = task % plan.rows.pieces, col_piece = task / plan.rows.pieces;
  const int64_t i0 = plan.rows.begin(row_piece), i1 = plan.rows.begin(row_piece + 1);
  const int64_t j0 = plan.cols.begin(col_piece), j1 = plan.cols.begin(col_piece + 1);
  T* const b_panels = static_cast<T*>(scratch);
  T* const a_tile = b_panels + plan.b_elements();
  const int64_t panels = ceil_div(j1 - j0, B::NR), tiles = ceil_div(i1 - i0, B::MR);
  const auto a_at = [&](int64_t i, int64_t p) { return g.a + i * g.a_row + p * g.a_col; };
  const auto b_at = [&](int64_t p) { return g.b + p * g.b_row + j0 * g.b_col; };

  // One block also when k is 0: it makes activation(bias).
  for (int64_t block = 0; block < plan.depth.pieces; ++block) {
    const int64_t p0 = plan.depth.begin(block), next_p = plan.depth.begin(block + 1), kc = next_p - p0;
    const bool accumulate = g.accumulate || block > 0;
    const bool last = block + 1 == plan.depth.pieces;
    if (plan.pack_b) pack_b(b_at(p0), g.b_row, g.b_col, kc, j1 - j0, b_panels);
    Prefetcher b_ahead;
    if (plan.pack_b && !last) {
      b_ahead = Prefetcher(b_at(next_p), g.b_row, g.b_col, plan.depth.begin(block + 2) - next_p, j1 - j0);
    }
    const int64_t b_lines = ceil_div(b_ahead.lines(), tiles * panels);
    for (int64_t i = i0; i < i1; i += B::MR) {
      const int64_t m = min(B::MR, i1 - i), next_i = i + m;
      ATile<T> a = {a_at(i, p0), g.a_row, g.a_col, kc, 1, 0};
      if (plan.pack_a) a = pack_a(a, m, a_tile);
      Prefetcher a_ahead;
      if (plan.pack_b && next_i < i1) {
        // Of the columns of a column-wise A, this tile has brought the first line.
        constexpr int64_t line = 64 / sizeof(T);
        const int64_t end = min(next_i + B::MR, i1), begin = g.a_col == 1 ? next_i : min(next_i + line, end) - 1;
        a_ahead = Prefetcher(a_at(begin, p0), g.a_row, g.a_col, end - begin, kc);
      }
      const int64_t a_lines = ceil_div(a_ahead.lines(), panels);
      for (int64_t j = j0; j < j1; j += B::NR) {
        a_ahead.fetch(a_lines);
        b_ahead.fetch(b_lines);
        const T* b = plan.pack_b ? b_panels + (j - j0) * kc : b_at(p0) + (j - j0);
        const Epilogue<T> epilogue = {g.epilogue.bias ? g.epilogue.bias + j : nullptr, g.epilogue.activation};
        microkernel<T>(static_cast<int>(m), static_cast<int>(min(B::NR, j1 - j)), a, b, plan.pack_b ? B::NR : g.b_row,
                       CTile<T>{g.c + i * g.ldc + j, g.ldc}, accumulate, last ? &epilogue : nullptr);
      }
    }
  }
}

// How products with one row are cut: columns per task, and tasks that are handed out together.
template <typename T>
struct GemvPlan {
  int64_t cols, per_entry, group;

  NABLA_INLINE static GemvPlan of(const GemvArgs<T>& g) {
    constexpr int64_t size = sizeof(T), line = 64 / size;
    const int64_t column_bytes = (g.k + 1) * size;
    const int64_t least = ceil_div(ceil_div(kWorthForkingBytes / 2, column_bytes), line) * line;
    const int64_t eighth = ceil_div(ceil_div(g.n, 8), line) * line;
    GemvPlan plan;
    plan.cols = min(kGemvColumns<T>, eighth > least ? eighth : least);
    plan.per_entry = ceil_div(g.n, plan.cols);
    plan.group = ceil_div(kWorthForkingBytes / 2, min(g.n, plan.cols) * column_bytes);
    return plan;
  }
};

// The stride of a dimension of size 1 means nothing: makes it the one that reading in place and packing handle best.
template <typename T>
GemmArgs<T> with_unit_strides(GemmArgs<T> g) {
  if (g.k == 1) {
    g.a_col = 1;
    g.b_row = g.n;
  }
  if (g.m == 1 && g.a_col != 1) g.a_row = 1;
  if (g.n == 1) g.b_col = 1;
  return g;
}

}  // namespace

template <typename T>
void gemm(ThreadPool& pool, Workspace& workspace, const GemmArgs<T>& args) {
  gemm_batched(pool, workspace, args, GemmBatch{0, {}, {}, {}, 0});
}

template <typename T>
void gemm_batched(ThreadPool& pool, Workspace& workspace, const GemmArgs<T>& first, const GemmBatch& batch) {
  int64_t entries = 1;
  for (int d = 0; d < batch.rank; ++d) entries *= batch.shape[d];
  if (first.m == 0 || first.n == 0 || entries == 0) return;
  const GemmArgs<T> product = with_unit_strides(first);
  // The entry with this number.
  const auto entry_at = [&](int64_t index) {
    GemmArgs<T> entry = product;
    entry.c += index * batch.c_stride;
    for (int d = batch.rank - 1; d >= 0; --d) {
      entry.a += index % batch.shape[d] * batch.a_stride[d];
      entry.b += index % batch.shape[d] * batch.b_stride[d];
      index /= batch.shape[d];
    }
    return entry;
  };

  GemvArgs<T> vector;
  if (as_gemv(product, &vector)) {
    const GemvPlan<T> plan = GemvPlan<T>::of(vector);
    parallel_ranges(pool, entries * plan.per_entry, plan.group, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        GemvArgs<T> entry;
        as_gemv(entry_at(task / plan.per_entry), &entry);
        const int64_t j0 = task % plan.per_entry * plan.cols;
        gemv_columns(entry, j0, min(entry.n, j0 + plan.cols));
      }
    });
    return;
  }
  const Plan<T> plan = Plan<T>::of(product, entries);
  const int64_t tasks = entries * plan.tasks();
  parallel_for_with_scratch(pool, workspace, ceil_div(tasks, plan.group), plan.scratch_bytes(),
                            [&](int64_t piece, void* scratch) {
                              const int64_t end = min(tasks, (piece + 1) * plan.group);
                              for (int64_t task = piece * plan.group; task < end; ++task) {
                                compute(entry_at(task / plan.tasks()), plan, task % plan.tasks(), scratch);
                              }
                            });
}

template void gemm<float>(ThreadPool&, Workspace&, const GemmArgs<float>&);
template void gemm<double>(ThreadPool&, Workspace&, const GemmArgs<double>&);
template void gemm_batched<float>(ThreadPool&, Workspace&, const GemmArgs<float>&, const GemmBatch&);
template void gemm_batched<double>(ThreadPool&, Workspace&, const GemmArgs<double>&, const GemmBatch&);

}  // namespace nabla::NABLA_ISA
