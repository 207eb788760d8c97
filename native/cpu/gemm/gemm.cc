#include "cpu/gemm/gemm.h"

#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/pack.h"
#include "cpu/gemm/prefetch.h"
#include "cpu/gemm/scratch.h"

namespace nabla::NABLA_ISA {
namespace {

NABLA_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
NABLA_INLINE int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
// The size of the pieces when n is cut into as few nearly equal pieces of at most `most` as possible, each but the
// last a multiple of `unit`.
NABLA_INLINE int64_t even_piece(int64_t n, int64_t most, int64_t unit) {
  const int64_t pieces = ceil_div(n, most);
  return pieces <= 1 ? n : ceil_div(ceil_div(n, pieces), unit) * unit;
}

// The blocks in elements. A tile of A (MR x KC) stays in L1, a strip of B (KC x NC) in L2.
template <typename T>
struct Blocks {
  static constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  static constexpr int64_t KC = 1536 / sizeof(T);
  static constexpr int64_t NC = 1024 / sizeof(T);
};

// How one product is cut: [m x n] into tasks of rows x cols, k into blocks. Depends on the shape and strides only.
template <typename T>
struct Plan {
  int64_t rows, cols, row_tasks, col_tasks, kc;
  bool pack_a, pack_b;

  NABLA_INLINE static Plan of(const GemmArgs<T>& g) {
    using B = Blocks<T>;
    Plan plan;
    plan.kc = even_piece(g.k, B::KC, 16);
    plan.cols = even_piece(g.n, B::NC, B::NR);
    plan.rows = even_piece(g.m, 512, B::MR);
    // 64^3 products stay whole; larger ones are cut until there is enough to share.
    constexpr double kWorthForking = 2.0 * 80 * 80 * 80;
    const double work = 2.0 * static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
    while (ceil_div(g.m, plan.rows) * ceil_div(g.n, plan.cols) < 8) {
      const double task = work / static_cast<double>(ceil_div(g.m, plan.rows) * ceil_div(g.n, plan.cols));
      if (task < kWorthForking) break;
      if (plan.rows > 2 * plan.cols && plan.rows > B::MR) {
        plan.rows = ceil_div(ceil_div(plan.rows, 2), B::MR) * B::MR;
      } else if (plan.cols > B::NR) {
        plan.cols = ceil_div(ceil_div(plan.cols, 2), B::NR) * B::NR;
      } else if (plan.rows > B::MR) {
        plan.rows = ceil_div(ceil_div(plan.rows, 2), B::MR) * B::MR;
      } else {
        break;
      }
    }
    plan.row_tasks = ceil_div(g.m, plan.rows);
    plan.col_tasks = ceil_div(g.n, plan.cols);
    const bool small = g.k * g.n * static_cast<int64_t>(sizeof(T)) <= 256 * 1024;
    plan.pack_b = g.b_col != 1 || (!small && plan.rows > B::MR);
    const bool unit = g.a_col == 1 || g.a_row == 1;
    plan.pack_a = !unit || !small;
    return plan;
  }
  NABLA_INLINE int64_t tasks() const { return row_tasks * col_tasks; }
  NABLA_INLINE int64_t b_elements() const { return pack_b ? kc * ceil_div(cols, Blocks<T>::NR) * Blocks<T>::NR : 0; }
  NABLA_INLINE int64_t a_elements() const { return pack_a ? packed_a_elements<T>(kc) : 0; }
  NABLA_INLINE size_t scratch_bytes() const { return static_cast<size_t>(a_elements() + b_elements() + 64) * sizeof(T); }
};

// One task: rows [i0, i1) and columns [j0, j1) over the whole of k.
template <typename T>
void compute(const GemmArgs<T>& g, const Plan<T>& plan, int64_t task, void* scratch) {
  using B = Blocks<T>;
  const int64_t i0 = task % plan.row_tasks * plan.rows, i1 = min(g.m, i0 + plan.rows);
  const int64_t j0 = task / plan.row_tasks * plan.cols, j1 = min(g.n, j0 + plan.cols);
  T* const b_panels = static_cast<T*>(scratch);
  T* const a_tile = b_panels + plan.b_elements();
  const int64_t panels = ceil_div(j1 - j0, B::NR), tiles = ceil_div(i1 - i0, B::MR);
  const auto a_at = [&](int64_t i, int64_t p) { return g.a + i * g.a_row + p * g.a_col; };
  const auto b_at = [&](int64_t p) { return g.b + p * g.b_row + j0 * g.b_col; };

  int64_t p0 = 0;
  do {
    const int64_t kc = min(plan.kc, g.k - p0), next_p = p0 + kc;
    const bool accumulate = g.accumulate || p0 > 0;
    const bool last = next_p == g.k;
    if (plan.pack_b) pack_b(b_at(p0), g.b_row, g.b_col, kc, j1 - j0, b_panels);
    Prefetcher b_ahead;
    if (plan.pack_b && !last) b_ahead = Prefetcher(b_at(next_p), g.b_row, g.b_col, min(plan.kc, g.k - next_p), j1 - j0);
    const int64_t b_lines = ceil_div(b_ahead.lines(), tiles * panels);
    for (int64_t i = i0; i < i1; i += B::MR) {
      const int64_t m = min(B::MR, i1 - i), next_i = i + m;
      ATile<T> a = {a_at(i, p0), g.a_row, g.a_col, kc, 1, 0};
      if (plan.pack_a) a = pack_a(a, m, a_tile);
      Prefetcher a_ahead;
      if (plan.pack_b && next_i < i1) {
        a_ahead = Prefetcher(a_at(next_i, p0), g.a_row, g.a_col, min(B::MR, i1 - next_i), kc);
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
    p0 = next_p;
  } while (p0 < g.k);
}

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
  const Plan<T> plan = Plan<T>::of(product);
  const int64_t per_entry = plan.tasks();
  parallel_for_with_scratch(pool, workspace, entries * per_entry, plan.scratch_bytes(), [&](int64_t task, void* scratch) {
    GemmArgs<T> entry = product;
    int64_t index = task / per_entry;
    entry.c += index * batch.c_stride;
    for (int d = batch.rank - 1; d >= 0; --d) {
      entry.a += index % batch.shape[d] * batch.a_stride[d];
      entry.b += index % batch.shape[d] * batch.b_stride[d];
      index /= batch.shape[d];
    }
    compute(entry, plan, task % per_entry, scratch);
  });
}

template void gemm<float>(ThreadPool&, Workspace&, const GemmArgs<float>&);
template void gemm<double>(ThreadPool&, Workspace&, const GemmArgs<double>&);
template void gemm_batched<float>(ThreadPool&, Workspace&, const GemmArgs<float>&, const GemmBatch&);
template void gemm_batched<double>(ThreadPool&, Workspace&, const GemmArgs<double>&, const GemmBatch&);

}  // namespace nabla::NABLA_ISA
