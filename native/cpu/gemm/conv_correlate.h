// Correlation as a matrix product whose operand A, the patches, is read by the micro-kernel where the image lies:
// neighbouring output pixels are rows of A `stride_w` pixels apart, and a patch is `kernel_h` runs of `kernel_w`
// pixels.
#pragma once
#include "core/kernel.h"
#include "cpu/gemm/conv_correlation.h"
#include "cpu/gemm/conv_direct.h"
#include "cpu/gemm/conv_kernels.h"
#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/scratch.h"

namespace nabla::NABLA_ISA {

namespace correlate_detail {

// Output rows of all images counted through, cut into tasks by rows and, where these are few, by panels.
struct Partition {
  int64_t rows_per_task, row_tasks, panels_per_task, panel_tasks;
};

constexpr int64_t kTasks = 32;  // enough to balance a few threads

template <typename T>
Partition partition(const Correlation<T>& c) {
  constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  const int64_t panels = ceil_div(c.outputs, NR), rows = c.images * c.out_h;
  // Enough tiles to earn the load of a panel, enough work to earn the start of a task.
  const int64_t tiles = max_of(8, (1 << 13) / max_of(c.patch() * panels, 1));
  const int64_t least = ceil_div(tiles * MR, c.out_w);
  // The window should stay in the second-level cache.
  const int64_t most =
      max_of((int64_t{1} << 18) / max_of(c.in.w * c.in.channels * c.stride_h * int64_t{sizeof(T)}, 1), least);
  const int64_t wanted = ceil_div(rows * c.groups, kTasks);
  Partition p;
  p.rows_per_task = min_of(max_of(min_of(wanted, most), least), rows);
  p.row_tasks = ceil_div(rows, p.rows_per_task);
  p.panel_tasks = c.method == Method::direct ? 1 : min_of(panels, ceil_div(kTasks, p.row_tasks * c.groups));
  p.panels_per_task = ceil_div(panels, p.panel_tasks);
  p.panel_tasks = ceil_div(panels, p.panels_per_task);
  return p;
}

// Columns [x0, x1) of output row y, for one panel of kernels.
template <typename T>
struct RowTile {
  int64_t y, x0, x1;
  T* out;  // of column x0
};

template <typename T>
NABLA_INLINE void row_tile(const Correlation<T>& c, const T* panel, int64_t ldb, int64_t n, const Window<T>& win,
                           ColumnRange cols, bool by_column, const RowTile<T>& tile, const Epilogue<T>& epilogue) {
  const int64_t channels = c.in.channels, pixel = c.stride_w * channels;
  const TapRange rows = TapRange::of(tile.y * c.stride_h - c.pad_top, c.kernel_h, c.dilation_h, c.in.h);
  const int64_t segments = rows.end - rows.begin, segment = c.dilation_h * win.row;
  const T* top = segments > 0 ? win.at(rows.first + rows.begin * c.dilation_h) : win.data;
  const auto product = [&](int64_t x0, int64_t x1, int64_t kw, int64_t run, bool accumulate, bool last) {
    const ATile<T> a{top + (x0 * c.stride_w - c.pad_left + kw * c.dilation_w - cols.first) * channels,
                     pixel,
                     1,
                     run,
                     run == 0 ? 0 : segments,
                     segment};
    const T* b = panel + (kw * c.kernel_h * channels + rows.begin * run) * ldb;
    microkernel<T>(static_cast<int>(x1 - x0), static_cast<int>(n), a, b, ldb,
                   CTile<T>{tile.out + (x0 - tile.x0) * c.out_pixel, c.out_pixel}, accumulate,
                   last ? &epilogue : nullptr);
  };
  if (!by_column) {
    product(tile.x0, tile.x1, 0, c.kernel_w * channels, false, true);
    return;
  }
  bool started = false, finished = false;
  for (int64_t kw = 0; kw < c.kernel_w; ++kw) {
    // The pixels whose column is in the image.
    const int64_t left = c.pad_left - kw * c.dilation_w;
    const int64_t x0 = left > 0 ? max_of(ceil_div(left, c.stride_w), tile.x0) : tile.x0;
    const int64_t x1 = c.in.w + left > 0 ? min_of(ceil_div(c.in.w + left, c.stride_w), tile.x1) : tile.x0;
    if (x0 >= x1) continue;
    const bool whole = x0 == tile.x0 && x1 == tile.x1;
    if (!started && !whole) product(tile.x0, tile.x1, 0, 0, false, false);
    finished = whole && kw + 1 == c.kernel_w;
    product(x0, x1, kw, channels, started || !whole, finished);
    started = true;
  }
  if (!finished) product(tile.x0, tile.x1, 0, 0, started, true);
}

constexpr int64_t kPatchBytes = 1 << 18;

// Patches that are copied at a time.
template <typename T>
int64_t patch_count(const Correlation<T>& c) {
  return max_of(kPatchBytes / (c.patch() * int64_t{sizeof(T)} * TileShape<T>::MR), 1) * TileShape<T>::MR;
}

}  // namespace correlate_detail

template <typename T>
void correlate(KernelArgs& args, const Correlation<T>& c, const KernelPanels<T>& b) {
  using namespace correlate_detail;
  constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  if (c.images * c.out_h * c.out_w * c.outputs * c.groups == 0) return;
  const Partition cut = partition(c);
  const int64_t panels = ceil_div(c.outputs, NR);
  const int64_t tiles = ceil_div(c.out_w, MR);
  const bool gathered = c.method == Method::gathered, by_column = c.method == Method::by_column;
  const bool direct = c.method == Method::direct;
  const bool streamed = direct && c.images * c.out_image * int64_t{sizeof(T)} >= kStreamBytes &&
                        c.activation <= Activation::relu && whole_cache_lines(c.out, c.out_pixel * sizeof(T)) &&
                        c.outputs % NR == 0;
  const ColumnRange cols = by_column ? ColumnRange{0, c.in.w} : c.columns();
  const auto window_rows = [&](int64_t rows) { return (rows - 1) * c.stride_h + (c.kernel_h - 1) * c.dilation_h + 1; };
  int64_t scratch = 0;
  if (gathered) {
    scratch = patch_count(c) * c.patch();
  } else if (needs_copy(c.in, cols)) {
    scratch = min_of(window_rows(min_of(cut.rows_per_task, c.out_h)), c.in.h) * cols.count * c.in.channels;
  }

  const int64_t tasks = cut.row_tasks * cut.panel_tasks * c.groups;
  parallel_for_with_scratch(args.pool, args.workspace, tasks, scratch * sizeof(T), [&](int64_t task, void* memory) {
    T* own = static_cast<T*>(memory);
    const int64_t group = task / (cut.row_tasks * cut.panel_tasks);
    const int64_t first_panel = task / cut.row_tasks % cut.panel_tasks * cut.panels_per_task;
    const int64_t last_panel = min_of(first_panel + cut.panels_per_task, panels);
    const int64_t begin = task % cut.row_tasks * cut.rows_per_task;
    const int64_t end = min_of(begin + cut.rows_per_task, c.images * c.out_h);
    // body(panel of kernels, its columns, its first output, epilogue)
    const auto each_panel = [&](auto&& body) {
      for (int64_t p = first_panel; p < last_panel; ++p) {
        const int64_t output = group * c.outputs + p * NR;
        body(b.data + group * b.group + p * b.panel, min_of(NR, c.outputs - p * NR), output,
             Epilogue<T>{c.bias ? c.bias + output : nullptr, c.activation});
      }
    };
    if (gathered) {
      const int64_t patch = c.patch(), count = patch_count(c);
      for (int64_t first = begin * c.out_w; first < end * c.out_w; first += count) {
        const int64_t pixels = min_of(count, end * c.out_w - first);
        for (int64_t i = 0; i < pixels; ++i) {
          const int64_t x = (first + i) % c.out_w, row = (first + i) / c.out_w;
          gather_patch(c, c.in.image(row / c.out_h, group), row % c.out_h, x, own + i * patch);
        }
        each_panel([&](const T* panel, int64_t n, int64_t output, const Epilogue<T>& epilogue) {
          for (int64_t i = 0; i < pixels; i += MR) {
            microkernel<T>(static_cast<int>(min_of(MR, pixels - i)), static_cast<int>(n),
                           ATile<T>{own + i * patch, patch, 1, patch, 1, 0}, panel, b.ldb,
                           CTile<T>{c.out + (first + i) * c.out_pixel + output, c.out_pixel}, false, &epilogue);
          }
        });
      }
      return;
    }
    for (int64_t row = begin; row < end;) {
      const int64_t image = row / c.out_h, y0 = row % c.out_h, rows = min_of(c.out_h - y0, end - row);
      const Window<T> win = window(c.in, image, group, cols, y0 * c.stride_h - c.pad_top, window_rows(rows), own);
      if (direct) {
        for (int64_t y = y0; y < y0 + rows; ++y) {
          direct_row(c, b, win, y, c.out + image * c.out_image + y * c.out_row, streamed);
        }
        row += rows;
        continue;
      }
      each_panel([&](const T* panel, int64_t n, int64_t output, const Epilogue<T>& epilogue) {
        for (int64_t y = y0; y < y0 + rows; ++y) {
          T* out = c.out + image * c.out_image + y * c.out_row + output;
          for (int64_t t = 0; t < tiles; ++t) {
            // Tiles of nearly equal widths.
            const int64_t x0 = c.out_w * t / tiles, x1 = c.out_w * (t + 1) / tiles;
            row_tile(c, panel, b.ldb, n, win, cols, by_column, {y, x0, x1, out + x0 * c.out_pixel}, epilogue);
          }
        }
      });
      row += rows;
    }
    if (streamed) stream_fence();
  });
}

}  // namespace nabla::NABLA_ISA
