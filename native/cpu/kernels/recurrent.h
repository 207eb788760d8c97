// What the recurrent kernels share: their operands, how work is cut, packed weights, and the time loop of the forward
// pass. A step is one product of the rows [x_t, h] with the stacked weights [W; U], block by block; what a cell does
// with a block follows while it is in the first-level cache.
#pragma once
#include "core/recurrent.h"
#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/pack.h"
#include "cpu/integers.h"
#include "cpu/simd/lanes.h"

namespace nabla::NABLA_ISA {

// The number of the first step of each row that counts, before which its results are zeros; null without a mask.
NABLA_INLINE const int32_t* first_counting(Workspace& workspace, const Recurrent& p, const uint8_t* mask) {
  if (!mask) return nullptr;
  int32_t* const first = workspace.array<int32_t>(p.batch);
  for (int64_t b = 0; b < p.batch; ++b) {
    first[b] = 0;
    while (first[b] < p.steps && !mask[b * p.steps + p.time(first[b])]) ++first[b];
  }
  return first;
}

// A range of rows of the batch and of blocks of units.
struct RecurrentTask {
  int64_t number;  // of the task
  int64_t row, row_end, block, block_end;
  int64_t group, group_end;  // the rows' groups
  int64_t share, share_end;  // this task's share of its rows, for work that has no units
};

// How a step is cut. Groups of rows, whose sums over rows are kept apart, follow from shape alone, and so do all
// results. Where the weights stay in the second-level cache, tasks are groups, several together where there are few
// threads, and run all steps without waiting for one another. Otherwise the tasks of one step are ranges of units,
// whose weights are then read once for all rows, and every step waits for the one before.
struct RecurrentCut {
  static constexpr int64_t kRows = 56;  // of a task at most
  int64_t batch, groups, groups_per_task, blocks, block_tasks, threads;

  template <typename T>
  static RecurrentCut of(int64_t batch, int64_t blocks, int64_t weights_of_block, int64_t threads) {
    constexpr int64_t MR = TileShape<T>::MR, kOwnCache = 512 * 1024;
    RecurrentCut cut{batch, 1, 1, blocks, 1, threads};
    if (blocks * weights_of_block * int64_t{sizeof(T)} <= kOwnCache) {
      // Whole tiles, but enough groups for some threads; a multiple of 4, so that these get equal shares.
      cut.groups = ceil_div(batch, 4 * MR) * 4;
      cut.groups = max_of(min_of(cut.groups, ceil_div(batch, 4)), 1);
      const int64_t most = kRows / max_of(ceil_div(batch, cut.groups), 1);
      cut.groups_per_task = max_of(min_of(most, ceil_div(cut.groups, threads)), 1);
      return cut;
    }
    constexpr int64_t kTaskWork = 1 << 17;  // products worth the start of a task
    cut.groups = max_of(ceil_div(batch, kRows), 1);
    const int64_t work = weights_of_block * ceil_div(batch, cut.groups) + 1;
    cut.block_tasks = ceil_div(blocks, ceil_div(kTaskWork, work));
    return cut;
  }
  NABLA_INLINE bool waits() const { return block_tasks > 1; }
  NABLA_INLINE int64_t row_tasks() const { return ceil_div(groups, groups_per_task); }
  NABLA_INLINE int64_t row_of(int64_t group) const { return batch * group / groups; }
  // The block that a thread will come to after this one if tasks are drawn in turn, in this step or the next: a guess,
  // for asking for its weights. This block itself where all weights stay near.
  NABLA_INLINE int64_t next_block(const RecurrentTask& task, int64_t block) const {
    if (!waits()) return block;
    if (block + 1 < task.block_end) return block + 1;
    return first_block(TaskOrder{tasks(), threads}.next(task.number) / row_tasks());
  }
  NABLA_INLINE int64_t tasks() const { return row_tasks() * block_tasks; }
  NABLA_INLINE int64_t first_block(int64_t block_task) const { return blocks * block_task / block_tasks; }
  NABLA_INLINE RecurrentTask task(int64_t number) const {
    const int64_t group = number % row_tasks() * groups_per_task, b = number / row_tasks();
    const int64_t group_end = min_of(groups, group + groups_per_task);
    const int64_t row = row_of(group), rows = row_of(group_end) - row;
    return {number,
            row,
            row + rows,
            first_block(b),
            first_block(b + 1),
            group,
            group_end,
            row + rows * b / block_tasks,
            row + rows * (b + 1) / block_tasks};
  }
};

// body(step, task) for each step in [0, steps), in order, and each task.
template <typename Body>
NABLA_INLINE void for_each_step(ThreadPool& pool, const RecurrentCut& cut, int64_t steps, Body&& body) {
  if (!cut.waits()) {
    return parallel_for(pool, cut.row_tasks(), [&](int64_t number) {
      for (int64_t step = 0; step < steps; ++step) body(step, cut.task(number));
    });
  }
  for (int64_t step = 0; step < steps; ++step) {
    parallel_for(pool, cut.tasks(), [&](int64_t number) { body(step, cut.task(number)); });
  }
}

// body(first row, rows) for tiles of nearly equal heights.
template <typename T, typename Body>
NABLA_INLINE void for_each_tile(int64_t begin, int64_t end, Body&& body) {
  constexpr int64_t MR = TileShape<T>::MR;
  const int64_t rows = end - begin, tiles = ceil_div(rows, MR);
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t first = begin + rows * i / tiles;
    body(first, begin + rows * (i + 1) / tiles - first);
  }
}

// While tiles of rows multiply with k rows of a panel: the same rows of the panel that is used next, `next` elements on
// (0: there is none). Weights that no second-level cache holds are so on their way in time.
template <typename T>
NABLA_INLINE void fetch_panel(const T* panel, int64_t next, int64_t k, const RecurrentTask& task, Ahead& ahead) {
  ahead.clear();
  if (next == 0 || k == 0) return;
  const int64_t elements = k * TileShape<T>::NR;
  ahead.add(Prefetcher(panel + next, elements, 1, 1, elements));
  ahead.share_among(ceil_div(task.row_end - task.row, TileShape<T>::MR) * k);
}

// What a column of a cell's product is the sum of: x and h with a gate's columns of W and of U, or one of them alone.
struct GateBlock {
  int gate;
  bool x, h;
};

// [W; U] as panels of NR units: for each block of units, those of Cell::kBlocks one after another.
template <typename T, typename Cell>
struct PackedWeights {
  static constexpr int64_t NR = TileShape<T>::NR;
  static constexpr int kCount = static_cast<int>(sizeof(Cell::kBlocks) / sizeof(GateBlock));

  int64_t inputs, units;
  int64_t first[kCount], rows[kCount];  // of x and h together, of each block's panel
  int64_t offset[kCount + 1];           // of a block's panel
  T* data;

  PackedWeights(KernelArgs& args, const Recurrent& p, const T* w, const T* u) : inputs(p.inputs), units(p.units) {
    offset[0] = 0;
    for (int q = 0; q < kCount; ++q) {
      first[q] = Cell::kBlocks[q].x ? 0 : inputs;
      rows[q] = (Cell::kBlocks[q].x ? inputs : 0) + (Cell::kBlocks[q].h ? units : 0);
      offset[q + 1] = offset[q] + rows[q] * NR;
    }
    data = args.workspace.template array<T>(blocks() * block_elements());
    const int64_t width = p.gates * units;
    parallel_ranges(args.pool, inputs + units, 32768 / (width + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        const T* row = k < inputs ? w + k * width : u + (k - inputs) * width;
        for (int q = 0; q < kCount; ++q) {
          if (k < first[q] || k >= first[q] + rows[q]) continue;
          T* out = data + offset[q] + (k - first[q]) * NR;
          for (int64_t j = 0; j < units; j += NR, out += block_elements()) {
            copy_row(row + Cell::kBlocks[q].gate * units + j, out, min_of(units - j, NR));
          }
        }
      }
    });
  }
  NABLA_INLINE int64_t blocks() const { return ceil_div(units, NR); }
  NABLA_INLINE int64_t block_elements() const { return offset[kCount]; }
};

// Asks for n numbers, to be read or written soon.
template <typename T>
NABLA_INLINE void fetch_lines(const T* from, int64_t n) {
  for (int64_t i = 0; i < n; i += 64 / static_cast<int64_t>(sizeof(T))) __builtin_prefetch(from + i, 1);
}

// What forward keeps for the gradient, for each step in the order of computation: first what a cell knows of its gates,
// the numbers of a row side by side, then the states c if there are any, and last the states h.
template <typename T>
struct Kept {
  int64_t batch, steps, units, gates, states;
  T* data;  // null where nothing is kept

  NABLA_INLINE Kept(const Recurrent& p, T* kept)
      : batch(p.batch), steps(p.steps), units(p.units), gates(p.kept - p.states), states(p.states), data(kept) {}
  NABLA_INLINE T* of_gates(int64_t step, int64_t row) const { return data + (step * batch + row) * gates * units; }
  NABLA_INLINE T* c(int64_t step, int64_t row) const { return part(gates, step, row); }
  NABLA_INLINE T* h(int64_t step, int64_t row) const { return part(gates + states - 1, step, row); }
  // Asks for n units from this one on: all that a step keeps,
  NABLA_INLINE void fetch(int64_t step, int64_t row, int64_t unit, int64_t n) const {
    fetch_gates(step, row, unit, n);
    for (int64_t s = 0; s < states; ++s) fetch_lines(part(gates + s, step, row) + unit, n);
  }
  // and what the gradient of a step is the first to read, its gates and the state before.
  NABLA_INLINE void fetch_for_gradient(int64_t step, int64_t row, int64_t unit, int64_t n) const {
    fetch_gates(step, row, unit, n);
    if (step > 0) fetch_lines(part(gates, step - 1, row) + unit, n);
  }

 private:
  NABLA_INLINE void fetch_gates(int64_t step, int64_t row, int64_t unit, int64_t n) const {
    for (int64_t g = 0; g < gates; ++g) fetch_lines(of_gates(step, row) + g * units + unit, n);
  }
  NABLA_INLINE T* part(int64_t number, int64_t step, int64_t row) const {
    return data + ((number * steps + step) * batch + row) * units;
  }
};

template <typename T>
using RecurrentForward = ForwardOperands<T, Kept<T>>;

// Which element a cell computes: row of the batch, number of the step, unit.
struct CellPlace {
  int64_t row, step, unit;
};

// Runs all steps. bias[q] points at the units of block q, or is null. A cell has
//   kBlocks: what it wants to know,
//   open(lanes, place, z): from the sums of the units from place.unit on, that of block q at z + q * NR, its gates, in
//   their places,
//   step(lanes, place, z, h): the new h of these units; h before the step is at h,
//   carry(lanes, place): tells that a masked step has left these units as they were,
//   fetch(place, n): asks for what it holds of n units.
template <typename T, typename Cell>
void recur(KernelArgs& args, const Recurrent& p, const RecurrentForward<T>& f, const T* const* bias, const Cell& cell) {
  constexpr int64_t NR = TileShape<T>::NR;
  const int64_t H = p.units, depth = p.inputs + H, ld = packed_a_row<T>(depth);
  const PackedWeights<T, Cell> weights(args, p, f.w, f.u);
  constexpr int count = PackedWeights<T, Cell>::kCount;
  // The rows [x_t, h] of this step and of the next.
  T* const rows = args.workspace.template array<T>(2 * p.batch * ld);
  const auto row_at = [&](int64_t step, int64_t b) { return rows + (step % 2 * p.batch + b) * ld; };
  const auto copy_x = [&](int64_t step, int64_t b) {
    copy_row(f.x + (b * p.steps + p.time(step)) * p.inputs, row_at(step, b), p.inputs);
    if (step + 1 < p.steps) fetch_lines(f.x + (b * p.steps + p.time(step + 1)) * p.inputs, p.inputs);
  };
  const int32_t* const started = first_counting(args.workspace, p, f.mask);
  for (int64_t b = 0; b < p.batch; ++b) {
    if (p.steps > 0) copy_x(0, b);
    if (f.h0) {
      copy_row(f.h0 + b * H, row_at(0, b) + p.inputs, H);
    } else {
      for (int64_t j = 0; j < H; ++j) row_at(0, b)[p.inputs + j] = 0;
    }
  }

  const auto cut = RecurrentCut::of<T>(p.batch, weights.blocks(), weights.block_elements(), args.pool.threads());
  for_each_step(args.pool, cut, p.steps, [&](int64_t step, const RecurrentTask& task) {
    if (step + 1 < p.steps) {
      for (int64_t b = task.share; b < task.share_end; ++b) copy_x(step + 1, b);
    }
    for (int64_t block = task.block; block < task.block_end; ++block) {
      const T* panels = weights.data + block * weights.block_elements();
      const int64_t unit = block * NR, n = min_of(H - unit, NR);
      const int64_t next = (cut.next_block(task, block) - block) * weights.block_elements();
      // What is read and written after the product comes meanwhile. Where weights are small, so is the rest.
      if (cut.waits()) {
        for (int64_t b = task.row; b < task.row_end; ++b) {
          cell.fetch(CellPlace{b, step, unit}, n);
          if (f.kept.data) f.kept.fetch(step, b, unit, n);
          if (f.y) fetch_lines(f.y + (b * p.steps + step) * H + unit, n);
        }
      }
      alignas(64) T z[RecurrentCut::kRows * count * NR];
      const auto z_of = [&](int64_t row) { return z + (row - task.row) * count * NR; };
      Ahead ahead;
      for (int q = 0; q < count; ++q) {
        const Epilogue<T> epilogue{bias[q] ? bias[q] + unit : nullptr, Activation::none};
        const T* panel = panels + weights.offset[q];
        fetch_panel(panel, next, weights.rows[q], task, ahead);
        for_each_tile<T>(task.row, task.row_end, [&](int64_t row, int64_t m) {
          microkernel<T>(static_cast<int>(m), static_cast<int>(n),
                         ATile<T>{row_at(step, row) + weights.first[q], ld, 1, weights.rows[q], 1, 0}, panel, NR,
                         CTile<T>{z_of(row) + q * NR, count * NR}, false, &epilogue, &ahead);
        });
      }
      const auto row_counts = [&](int64_t b) { return !f.mask || f.mask[b * p.steps + p.time(step)]; };
      // Gates of all rows first: none waits for another, and what the new h waits for is then short.
      for (int64_t b = task.row; b < task.row_end; ++b) {
        if (!row_counts(b)) continue;
        for_lanes<T>(0, n, [&](int64_t j, auto lanes) { cell.open(lanes, CellPlace{b, step, unit + j}, z_of(b) + j); });
      }
      for (int64_t b = task.row; b < task.row_end; ++b) {
        const T* before = row_at(step, b) + p.inputs + unit;
        T* after = row_at(step + 1, b) + p.inputs + unit;
        T* y = f.y ? f.y + (b * p.steps + step) * H + unit : nullptr;
        T* kept = f.kept.data ? f.kept.h(step, b) + unit : nullptr;
        const bool counts = row_counts(b);
        const bool shown = counts || (!p.zero_output && step > started[b]);
        for_lanes<T>(0, n, [&](int64_t j, auto lanes) {
          const CellPlace place{b, step, unit + j};
          Vec<T> h;
          if (counts) {
            h = cell.step(lanes, place, z_of(b) + j, before + j);
          } else {
            h = lanes.load(before + j);
            cell.carry(lanes, place);
          }
          lanes.store(after + j, h);
          if (kept) lanes.store(kept + j, h);
          if (y) lanes.store(y + j, shown ? h : Vec<T>::zero());
        });
      }
    }
  });
  for (int64_t b = 0; b < p.batch; ++b) copy_row(row_at(p.steps, b) + p.inputs, f.h + b * H, H);
}

}  // namespace nabla::NABLA_ISA
