#include "cpu/gemm/gemm.h"

#include "cpu/gemm/gemv.h"
#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/pack.h"
#include "cpu/gemm/pack_pairs.h"
#include "cpu/gemm/prefetch.h"
#include "cpu/gemm/scratch.h"
#include "cpu/integers.h"
#include "cpu/isa.h"

namespace nabla::NABLA_ISA {
namespace {

// Less work than this is done sooner by one thread than handed out: a product of 88^3 for FMA, 128 KiB for memory.
constexpr double kWorthForking = 2.0 * 88 * 88 * 88;
constexpr int64_t kWorthForkingBytes = 128 * 1024;

// A B of at most so many bytes is one strip, however wide: it stays in L2, and C is written in long runs.
constexpr int64_t kNarrowB = 128 * 1024;

// Rows of B that begin at most so many bytes apart need no packing.
#if defined(NABLA_ISA_AVX512)
constexpr int64_t kNearRows = 2048;
#else
constexpr int64_t kNearRows = 1024;
#endif
// The same for so few rows of A that packing would take longer than it saves.
constexpr int64_t kNearRowsForFew = 2304, kFewRows = 128;

// A copy of all of A, made before the product, takes at most so many bytes. It pays from so many uses on.
constexpr int64_t kMostShared = int64_t{16} << 20, kUsesOfShared = 3;

// [0, n) cut into pieces of nearly equal numbers of units (the last unit may be partial).
struct Cut {
  int64_t n, unit, pieces;

  NABLA_INLINE static Cut at_most(int64_t n, int64_t unit, int64_t most) {
    return {n, unit, n > most ? ceil_div(n, most / unit * unit) : 1};
  }
  NABLA_INLINE int64_t units() const { return ceil_div(n, unit); }
  NABLA_INLINE int64_t begin(int64_t piece) const { return min_of(n, units() * piece / pieces * unit); }
  NABLA_INLINE int64_t largest() const { return min_of(n, ceil_div(units(), pieces) * unit); }
  NABLA_INLINE bool can_halve() const { return units() >= 2 * pieces; }
  // Some pieces more, so that a few threads get equal shares.
  NABLA_INLINE void even() { pieces = min_of(units(), ceil_div(pieces, 4) * 4); }
};

// The blocks in elements. A strip of B (KC x NC) stays in L2, beside the next one on its way.
template <typename T>
struct Blocks {
  static constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  static constexpr int64_t KC = sizeof(T) == 4 ? 384 : 256;
  static constexpr int64_t NC = sizeof(T) == 4 ? 192 : 128;
  static constexpr int64_t MC = 1024;  // the rows of a task: they share one packing of a strip
  // Tiles of a column-wise A (MR x KC) pass a panel of B (KC x NR) that stays in L1, if it fits there. Otherwise, and
  // where A is read by rows, which are a long run each, a tile of A stays and panels pass.
  static constexpr bool kPanelFits = KC * NR * int64_t{sizeof(T)} <= 24 * 1024;
  static constexpr int64_t kLeastPanels = 4;              // for fewer of them it gains nothing
  static constexpr int64_t kTiles = kPanelFits ? 16 : 8;  // that are packed together: whole lines of A's columns
};

// What the micro-kernel is fed with. `steps` is its number of steps for k elements.
template <typename T>
struct Wides {
  static constexpr int64_t kPerStep = 1;
  NABLA_INLINE static int64_t steps(int64_t k) { return k; }
  template <typename B>
  NABLA_INLINE static void pack(const B* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n, T* dst) {
    pack_b(b, b_row, b_col, k, n, dst);
  }
  template <typename A>
  NABLA_INLINE static ATile<T> pack_tiles(const A* a, int64_t a_row, int64_t a_col, int64_t m, int64_t k, T* dst) {
    return pack_a(a, a_row, a_col, m, k, dst);
  }
  NABLA_INLINE static void multiply(int m, int n, const ATile<T>& a, const T* b, int64_t ldb, const CTile<T>& c,
                                    bool accumulate, const Epilogue<T>* epilogue, Ahead* ahead) {
    microkernel<T>(m, n, a, b, ldb, c, accumulate, epilogue, ahead);
  }
};

#if defined(NABLA_ISA_AVX512)
struct Pairs {
  static constexpr int64_t kPerStep = 2;
  NABLA_INLINE static int64_t steps(int64_t k) { return pair_count(k); }
  NABLA_INLINE static void pack(const BFloat16* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n, float* dst) {
    pack_b_pairs(b, b_row, b_col, k, n, dst);
  }
  NABLA_INLINE static ATile<float> pack_tiles(const BFloat16* a, int64_t a_row, int64_t a_col, int64_t m, int64_t k,
                                              float* dst) {
    return pack_a_pairs(a, a_row, a_col, m, k, dst);
  }
  NABLA_INLINE static void multiply(int m, int n, const ATile<float>& a, const float* b, int64_t ldb,
                                    const CTile<float>& c, bool accumulate, const Epilogue<float>* epilogue,
                                    Ahead* ahead) {
    microkernel_pairs(m, n, a, b, ldb, c, accumulate, epilogue, ahead);
  }
};
#endif

// How one product is cut: [m x n] into tasks, k into blocks. The cut of k, and with it every result, depends on shapes
// and strides only.
template <typename T, typename Feed>
struct Plan {
  Cut rows, cols, depth;
  int64_t group;  // tasks that are handed out together
  bool pack_a, pack_b;
  bool panel_stays;  // in the first-level cache, and not a tile of A
  int64_t a_tiles;   // of A that are packed together, or pass a panel of B
  bool share_a;      // one packed copy of A for all tasks, instead of one for each strip of B

  template <typename A, typename B>
  NABLA_INLINE static Plan of(const GemmArgs<T, A, B>& g, int64_t entries, int threads) {
    using Block = Blocks<T>;
    Plan plan;
    plan.depth = Cut::at_most(g.k, 16, Block::KC * Feed::kPerStep);
    const int64_t b_bytes = g.k * g.n * int64_t{sizeof(T)};
    plan.cols = b_bytes <= kNarrowB ? Cut{g.n, Block::NR, 1} : Cut::at_most(g.n, Block::NR, Block::NC);
    plan.rows = Cut::at_most(g.m, Block::MR, Block::MC);
    // Halves the tasks until there are enough to share evenly, while they are large; puts small ones together.
    const int64_t enough = threads > 1 ? 8 : 1;
    if (threads > 1 && entries == 1 && plan.tasks() > enough && plan.tasks() % 4 != 0) {
      (plan.cols.pieces > plan.rows.pieces ? plan.cols : plan.rows).even();
    }
    double work = 2.0 * static_cast<double>(plan.rows.largest()) * static_cast<double>(plan.cols.largest()) *
                  static_cast<double>(g.k);
    for (; entries * plan.tasks() < enough && work >= kWorthForking; work /= 2) {
      const bool tall = plan.rows.largest() > 2 * plan.cols.largest();
      Cut& cut = plan.rows.can_halve() && (tall || !plan.cols.can_halve()) ? plan.rows : plan.cols;
      if (!cut.can_halve()) break;
      cut.pieces *= 2;
    }
    plan.group = work < kWorthForking / 2 ? static_cast<int64_t>(kWorthForking / 2 / (work + 1)) + 1 : 1;
    // In L2 an operand is as good as packed, and so is one whose lines spread over all sets of a cache. A few rows use
    // B too seldom to pay for packing it; very few rows of a matrix that no cache holds wait for memory, and packing
    // reads that in long runs, the next block ahead.
    constexpr int64_t size = sizeof(T);
    const bool small = g.k * g.n * size <= 256 * 1024;
    const int64_t most = plan.rows.largest();
    const bool waits = g.k * g.n * static_cast<int64_t>(sizeof(B)) >= kBeyondCaches && most <= Block::MR / 2;
    const int64_t near = most <= kFewRows ? kNearRowsForFew : kNearRows;
    const bool b_in_place = small || g.b_row * size <= near || most <= 2 * Block::MR;
    const bool a_in_place = small || (g.a_col == 1 ? g.a_row * size % 2048 != 0 : g.a_col * size <= 1024);
    plan.pack_b = g.b_panel == 0 && (kIsHalf<B> || g.b_col != 1 || !b_in_place || waits);
    plan.pack_a = kIsHalf<A> || !a_in_place || (g.a_col != 1 && g.a_row != 1);
    plan.panel_stays = Block::kPanelFits && g.a_col != 1 && plan.cols.largest() >= Block::kLeastPanels * Block::NR;
    const bool in_groups = g.a_col != 1 && (plan.pack_a || plan.panel_stays);
    plan.a_tiles = in_groups ? min_of(ceil_div(most, Block::MR), Block::kTiles) : 1;
    plan.share_a = plan.pack_a && g.a_col != 1 && entries == 1 && plan.cols.pieces >= kUsesOfShared &&
                   plan.shared_elements() * size <= kMostShared;
    return plan;
  }
  NABLA_INLINE int64_t tasks() const { return rows.pieces * cols.pieces; }
  NABLA_INLINE int64_t b_elements() const {
    return pack_b ? Feed::steps(depth.largest()) * ceil_div(cols.largest(), Blocks<T>::NR) * Blocks<T>::NR : 0;
  }
  NABLA_INLINE int64_t shared_elements() const {
    return depth.pieces * ceil_div(rows.n, Blocks<T>::MR) * packed_a_elements<T>(Feed::steps(depth.largest()));
  }
  // Where the tile of row i begins in the shared copy, in a block of kc elements.
  NABLA_INLINE int64_t shared_at(int64_t block, int64_t i, int64_t kc) const {
    return shared_elements() / depth.pieces * block + i / Blocks<T>::MR * packed_a_elements<T>(Feed::steps(kc));
  }
  NABLA_INLINE int64_t a_elements() const {
    return pack_a && !share_a ? a_tiles * packed_a_elements<T>(Feed::steps(depth.largest())) : 0;
  }
  NABLA_INLINE size_t scratch_bytes() const { return static_cast<size_t>(a_elements() + b_elements()) * sizeof(T); }
};

// Fills the shared copy of A.
template <typename Feed, typename T, typename A, typename B>
void pack_shared(ThreadPool& pool, const GemmArgs<T, A, B>& g, const Plan<T, Feed>& plan, T* shared) {
  const int64_t rows = plan.a_tiles * Blocks<T>::MR, groups = ceil_div(g.m, rows);
  parallel_ranges(pool, plan.depth.pieces * groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t block = piece / groups, i = piece % groups * rows;
      const int64_t p0 = plan.depth.begin(block), kc = plan.depth.begin(block + 1) - p0;
      Feed::pack_tiles(g.a + i * g.a_row + p0 * g.a_col, g.a_row, g.a_col, min_of(rows, g.m - i), kc,
                       shared + plan.shared_at(block, i, kc));
    }
  });
}

// One task: rows [i0, i1) and columns [j0, j1) over the whole of k.
template <typename Feed, typename T, typename A, typename B>
void compute(const GemmArgs<T, A, B>& g, const Plan<T, Feed>& plan, int64_t task, void* scratch, const T* shared_a) {
  constexpr int64_t MR = Blocks<T>::MR, NR = Blocks<T>::NR;
  // Tasks with the same rows of A are neighbours: they follow each other on one thread, and no other writes beside it.
  const int64_t row_piece = task / plan.cols.pieces, col_piece = task % plan.cols.pieces;
  const int64_t i0 = plan.rows.begin(row_piece), i1 = plan.rows.begin(row_piece + 1);
  const int64_t j0 = plan.cols.begin(col_piece), j1 = plan.cols.begin(col_piece + 1);
  T* const b_panels = static_cast<T*>(scratch);
  T* const a_panel = b_panels + plan.b_elements();
  const int64_t panels = ceil_div(j1 - j0, NR), together = (shared_a && !plan.panel_stays ? 1 : plan.a_tiles) * MR;
  const auto a_at = [&](int64_t i, int64_t p) { return g.a + i * g.a_row + p * g.a_col; };
  const auto b_at = [&](int64_t p) { return g.b + p * g.b_row + j0 * g.b_col; };

  Ahead ahead;
  // One block also when k is 0: it makes activation(bias).
  for (int64_t block = 0; block < plan.depth.pieces; ++block) {
    const int64_t p0 = plan.depth.begin(block), next_p = plan.depth.begin(block + 1), kc = next_p - p0;
    const bool accumulate = g.accumulate || block > 0;
    const bool last = block + 1 == plan.depth.pieces;
    if (plan.pack_b) Feed::pack(b_at(p0), g.b_row, g.b_col, kc, j1 - j0, b_panels);
    Prefetcher next_b;
    if (plan.pack_b && !last) {
      next_b = Prefetcher(b_at(next_p), g.b_row, g.b_col, plan.depth.begin(block + 2) - next_p, j1 - j0);
    }
    const int64_t groups = ceil_div(i1 - i0, together);
    // From one tile of A to the next.
    const int64_t tile_size = plan.pack_a ? packed_a_elements<T>(Feed::steps(kc)) : MR * g.a_row;
    for (int64_t number = 0; number < groups; ++number) {
      const int64_t group = i0 + number * together, next_group = min_of(group + together, i1);
      ATile<T> a;
      if (shared_a) {
        a = packed_tile(shared_a + plan.shared_at(block, group, kc), false, Feed::steps(kc));
      } else if constexpr (kIsHalf<A>) {
        a = Feed::pack_tiles(a_at(group, p0), g.a_row, g.a_col, next_group - group, kc, a_panel);
      } else {
        a = plan.pack_a ? Feed::pack_tiles(a_at(group, p0), g.a_row, g.a_col, next_group - group, kc, a_panel)
                        : ATile<T>{a_at(group, p0), g.a_row, g.a_col, kc, 1, 0};
      }
      ahead.clear();
      if (shared_a && next_group < i1) {
        const int64_t size = together / MR * tile_size;
        ahead.add(Prefetcher(a.a + size, size, 1, 1, size));
      } else if (plan.pack_b && next_group < i1) {
        const int64_t end = min_of(next_group + together, i1);
        ahead.add(Prefetcher(a_at(next_group, p0), g.a_row, g.a_col, end - next_group, kc));
      }
      ahead.add(next_b.part(number, groups));
      const int64_t tiles = ceil_div(next_group - group, MR);
      ahead.share_among(tiles * panels * Feed::steps(kc));
      const auto multiply = [&](int64_t tile, int64_t panel) {
        const int64_t i = group + tile * MR, j = j0 + panel * NR;
        ATile<T> a_tile = a;
        a_tile.a += tile * tile_size;
        const T* b = b_panels + (j - j0) * Feed::steps(kc);
        if constexpr (!kIsHalf<B>) {
          if (!plan.pack_b) b = g.b_panel ? g.b + j / NR * g.b_panel + p0 * g.b_row : b_at(p0) + (j - j0);
        }
        const Epilogue<T> epilogue = g.epilogue.at(j, i * g.ldc + j);
        Feed::multiply(static_cast<int>(min_of(MR, next_group - i)), static_cast<int>(min_of(NR, j1 - j)), a_tile, b,
                       plan.pack_b ? NR : g.b_row, CTile<T>{g.c + i * g.ldc + j, g.ldc}, accumulate,
                       last ? &epilogue : nullptr, &ahead);
      };
      const int64_t outer = plan.panel_stays ? panels : tiles, inner = plan.panel_stays ? tiles : panels;
      for (int64_t x = 0; x < outer; ++x) {
        for (int64_t y = 0; y < inner; ++y) multiply(plan.panel_stays ? y : x, plan.panel_stays ? x : y);
      }
    }
  }
}

// How products with one row are cut: columns per task, and tasks that are handed out together.
struct GemvPlan {
  int64_t cols, per_entry, group;

  template <typename T, typename X, typename B>
  NABLA_INLINE static GemvPlan of(const GemvArgs<T, X, B>& g) {
    constexpr int64_t size = sizeof(B), line = 64 / size;
    const int64_t column_bytes = (g.k + 1) * size;
    const int64_t least = ceil_div(ceil_div(kWorthForkingBytes / 2, column_bytes), line) * line;
    const int64_t eighth = ceil_div(ceil_div(g.n, 8), line) * line;
    GemvPlan plan;
    plan.cols = min_of(kGemvColumns<T>, eighth > least ? eighth : least);
    plan.per_entry = ceil_div(g.n, plan.cols);
    plan.group = ceil_div(kWorthForkingBytes / 2, min_of(g.n, plan.cols) * column_bytes);
    return plan;
  }
};

// The stride of a dimension of size 1 means nothing: makes it the one that reading in place and packing handle best.
template <typename T, typename A, typename B>
GemmArgs<T, A, B> with_unit_strides(GemmArgs<T, A, B> g) {
  if (g.k == 1) {
    g.a_col = 1;
    g.b_row = g.n;
  }
  if (g.m == 1 && g.a_col != 1) g.a_row = 1;
  if (g.n == 1) g.b_col = 1;
  return g;
}

// The product of a batch with this number.
template <typename T, typename A, typename B>
NABLA_INLINE GemmArgs<T, A, B> entry_at(GemmArgs<T, A, B> g, const GemmBatch& batch, int64_t index) {
  g.c += index * batch.c_stride;
  g.epilogue = g.epilogue.at(0, index * batch.c_stride);
  for (int d = batch.rank - 1; d >= 0; --d) {
    g.a += index % batch.shape[d] * batch.a_stride[d];
    g.b += index % batch.shape[d] * batch.b_stride[d];
    index /= batch.shape[d];
  }
  return g;
}

// args_of(index) is the product of the batch with this number.
template <typename Args, typename F>
void run_gemv(ThreadPool& pool, int64_t entries, const Args& first, F&& args_of) {
  const GemvPlan plan = GemvPlan::of(first);
  parallel_ranges(pool, entries * plan.per_entry, plan.group, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const Args entry = args_of(task / plan.per_entry);
      const int64_t j0 = task % plan.per_entry * plan.cols;
      gemv_columns(entry, j0, min_of(entry.n, j0 + plan.cols));
    }
  });
}

template <typename Feed, typename T, typename A, typename B>
void run_gemm(ThreadPool& pool, Workspace& workspace, const GemmArgs<T, A, B>& first, const GemmBatch& batch,
              int64_t entries) {
  const auto plan = Plan<T, Feed>::of(first, entries, pool.threads());
  const int64_t tasks = entries * plan.tasks();
  T* const shared_a = plan.share_a ? workspace.array<T>(plan.shared_elements()) : nullptr;
  if (shared_a) pack_shared(pool, first, plan, shared_a);
  parallel_for_with_scratch(
      pool, workspace, ceil_div(tasks, plan.group), plan.scratch_bytes(), [&](int64_t piece, void* scratch) {
        const int64_t end = min_of(tasks, (piece + 1) * plan.group);
        for (int64_t task = piece * plan.group; task < end; ++task) {
          compute(entry_at(first, batch, task / plan.tasks()), plan, task % plan.tasks(), scratch, shared_a);
        }
      });
}

}  // namespace

template <typename T>
void gemm(ThreadPool& pool, Workspace& workspace, const GemmArgs<T>& args) {
  gemm_batched(pool, workspace, args, GemmBatch{0, {}, {}, {}, 0});
}

template <typename T, typename A, typename B>
void gemm_batched(ThreadPool& pool, Workspace& workspace, const GemmArgs<T, A, B>& args, const GemmBatch& batch) {
  int64_t entries = 1;
  for (int d = 0; d < batch.rank; ++d) entries *= batch.shape[d];
  if (args.m == 0 || args.n == 0 || entries == 0) return;
  const GemmArgs<T, A, B> first = with_unit_strides(args);
  if (first.m == 1 && first.b_panel == 0 && row_product(first).fits()) {
    return run_gemv(pool, entries, row_product(first),
                    [&](int64_t index) { return row_product(entry_at(first, batch, index)); });
  }
  if (first.n == 1 && first.ldc == 1 && column_product(first).fits()) {
    return run_gemv(pool, entries, column_product(first),
                    [&](int64_t index) { return column_product(entry_at(first, batch, index)); });
  }
#if defined(NABLA_ISA_AVX512)
  if constexpr (std::is_same<A, BFloat16>::value && std::is_same<B, BFloat16>::value) {
    if (has_bfloat16_dot()) return run_gemm<Pairs>(pool, workspace, first, batch, entries);
  }
#endif
  run_gemm<Wides<T>>(pool, workspace, first, batch, entries);
}

template void gemm<float>(ThreadPool&, Workspace&, const GemmArgs<float>&);
template void gemm<double>(ThreadPool&, Workspace&, const GemmArgs<double>&);
#define NABLA_GEMM(T, A, B) \
  template void gemm_batched(ThreadPool&, Workspace&, const GemmArgs<T, A, B>&, const GemmBatch&);
NABLA_GEMM(double, double, double)
#define NABLA_GEMM_OF(A) \
  NABLA_GEMM(float, A, float) \
  NABLA_GEMM(float, A, BFloat16) \
  NABLA_GEMM(float, A, Float16)
NABLA_GEMM_OF(float)
NABLA_GEMM_OF(BFloat16)
NABLA_GEMM_OF(Float16)
#undef NABLA_GEMM_OF
#undef NABLA_GEMM

}  // namespace nabla::NABLA_ISA
