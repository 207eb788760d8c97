// Correlation of images with kernels: a convolution's forward pass, and its input gradient one stride phase at a time.
// It is a matrix product whose operand A, the patches, is read by the micro-kernel where the image lies: neighbouring
// output pixels are rows of A `stride_w` pixels apart, and a patch is `kernel_h` runs of `kernel_w` pixels.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cpu/gemm/conv_window.h"
#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/pack.h"
#include "cpu/gemm/scratch.h"

namespace nabla::NABLA_ISA {

enum class Method {
  depthwise,  // conv_depthwise.h
  winograd,   // conv_winograd.h
  // Rows that are much shorter than a tile are put together: their patches are copied.
  gathered,
  // One product for each column of the kernel, when dilation breaks a patch's rows into single pixels; and when there
  // is padding, which costs nothing then, since a tile leaves out the pixels whose column lies in it. The kernels are
  // ordered [kernel_w, kernel_h, channels].
  by_column,
  whole,  // one product for the whole kernel
};

template <typename T>
struct Correlation {
  Images<T> in;                     // in.channels of a group
  int64_t images, groups, outputs;  // outputs of a group
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int64_t pad_top, pad_left;  // negative crops
  // Output pixel (image, y, x) at out + image*out_image + y*out_row + x*out_pixel, the groups' outputs in turn.
  T* out;
  int64_t out_h, out_w, out_image, out_row, out_pixel;
  const T* bias;  // may be null
  Activation activation;

  int64_t patch() const { return kernel_h * kernel_w * in.channels; }
  // Columns of the image that a whole output row reads.
  ColumnRange columns() const { return {-pad_left, (out_w - 1) * stride_w + (kernel_w - 1) * dilation_w + 1}; }
  Method method() const;
  // Where tap (i, j) stands in the order of the kernels.
  int64_t tap(int64_t i, int64_t j) const {
    return method() == Method::by_column ? j * kernel_h + i : i * kernel_w + j;
  }
};

// Estimated cycles of vector instructions with and without the transforms of Winograd's algorithm.
template <typename T>
bool winograd_pays(const Correlation<T>& c) {
  if (!std::is_same<T, float>::value || c.kernel_h != 3 || c.kernel_w != 3 || c.stride_h != 1 || c.stride_w != 1 ||
      c.dilation_h != 1 || c.dilation_w != 1 || c.groups != 1) {
    return false;
  }
  constexpr double width = TileVec<T>::width, rows = TileShape<T>::MR;
  const double channels = static_cast<double>(c.in.channels), outputs = static_cast<double>(c.outputs);
  const double pixels = static_cast<double>(c.images * c.out_h * c.out_w);
  const double tiles = static_cast<double>(c.images * ceil_div(c.out_h, 4) * ceil_div(c.out_w, 4));
  const double direct = pixels * 9 * channels * outputs / width;
  const double products = tiles * 36 * (channels + 80 / rows) * outputs / width;
  // The transformed kernels are too large for the fast caches.
  const double transforms = (250 * tiles * (channels + outputs) + 1000 * channels * outputs) / Vec<T>::width;
  return products + transforms < 0.9 * direct;
}

template <typename T>
Method Correlation<T>::method() const {
  constexpr int64_t kLeastDepth = 96;  // of a product by column, to earn the additions to the stored tile
  if (groups > 1 && in.channels == 1 && outputs == 1) return Method::depthwise;
  if (winograd_pays(*this)) return Method::winograd;
  const bool dense = out_row == out_w * out_pixel && out_image == out_h * out_row;
  if (dense && 2 * out_w < TileShape<T>::MR) return Method::gathered;
  const ColumnRange cols = columns();
  const bool padded = cols.first < 0 || cols.first + cols.count > in.w;
  const bool by_column = dilation_w > 1 || (padded && kernel_h * in.channels >= kLeastDepth);
  return kernel_w > 1 && by_column ? Method::by_column : Method::whole;
}

// The correlation of image [N, H, W, C] with kernels, whose result is a map [N, OH, OW, O].
template <typename T>
Correlation<T> forward_correlation(const ConvGeometry& g, const TensorView& image, const TensorView& map) {
  Correlation<T> c;
  c.in = {image.as<T>(), image.shape[1], image.shape[2], image.shape[3], image.shape[3] / g.groups};
  c.images = image.shape[0];
  c.groups = g.groups;
  c.outputs = map.shape[3] / g.groups;
  c.kernel_h = g.kernel_h, c.kernel_w = g.kernel_w;
  c.stride_h = g.stride_h, c.stride_w = g.stride_w;
  c.dilation_h = g.dilation_h, c.dilation_w = g.dilation_w;
  c.pad_top = g.pad_top, c.pad_left = g.pad_left;
  c.out = map.as<T>();
  c.out_h = map.shape[1], c.out_w = map.shape[2];
  c.out_pixel = map.shape[3];
  c.out_row = c.out_w * c.out_pixel;
  c.out_image = c.out_h * c.out_row;
  c.bias = nullptr;
  c.activation = Activation::none;
  return c;
}

// The patch of one output pixel, in the order of the kernels.
template <typename T>
void gather_patch(const Correlation<T>& c, const T* image, int64_t y, int64_t x, T* patch) {
  const int64_t channels = c.in.channels, run = c.kernel_w * channels;
  const TapRange rows = TapRange::of(y * c.stride_h - c.pad_top, c.kernel_h, c.dilation_h, c.in.h);
  const TapRange cols = TapRange::of(x * c.stride_w - c.pad_left, c.kernel_w, c.dilation_w, c.in.w);
  if (rows.end - rows.begin < c.kernel_h || cols.end - cols.begin < c.kernel_w) {
    std::memset(patch, 0, c.kernel_h * run * sizeof(T));
  }
  for (int64_t kh = rows.begin; kh < rows.end; ++kh) {
    const T* from = image + ((rows.first + kh * c.dilation_h) * c.in.w + cols.first) * c.in.pixel;
    T* to = patch + kh * run;
    if (c.dilation_w == 1 && channels == c.in.pixel) {
      copy_row(from + cols.begin * channels, to + cols.begin * channels, (cols.end - cols.begin) * channels);
    } else {
      for (int64_t kw = cols.begin; kw < cols.end; ++kw) {
        copy_row(from + kw * c.dilation_w * c.in.pixel, to + kw * channels, channels);
      }
    }
  }
}

// The kernels as operand B: panel p of group g is the matrix [patch, NR] with rows `ldb` apart at
// data + g*group + p*panel.
template <typename T>
struct KernelPanels {
  const T* data;
  int64_t ldb, panel, group;
};

// Kernels whose weight (tap, c, o) of a group lies at w[tap*tap_stride + c*channel_stride + o*output_stride], where one
// of the last two strides is 1. `taps` lists the taps in the order of the correlation.
template <typename T>
struct KernelSource {
  const T* w;
  const int64_t* taps;
  int64_t tap_count, channels, outputs, groups;
  int64_t tap_stride, channel_stride, output_stride, group_stride;
};

template <typename T>
int64_t packed_size(const KernelSource<T>& s) {
  constexpr int64_t NR = TileShape<T>::NR;
  return s.groups * ceil_div(s.outputs, NR) * s.tap_count * s.channels * NR;
}

template <typename T>
KernelPanels<T> pack_kernels(ThreadPool& pool, const KernelSource<T>& s, T* packed) {
  constexpr int64_t NR = TileShape<T>::NR, kElementsPerTask = 1 << 15;
  const int64_t panels = ceil_div(s.outputs, NR), panel = s.tap_count * s.channels * NR;
  const int64_t grain = max_of(kElementsPerTask / max_of(s.channels * panels * NR, 1), 1);
  parallel_ranges(pool, s.tap_count * s.groups, grain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t tap = t % s.tap_count, group = t / s.tap_count;
      const T* from = s.w + group * s.group_stride + s.taps[tap] * s.tap_stride;
      T* to = packed + group * panels * panel + tap * s.channels * NR;
      for (int64_t o = 0; o < s.outputs; o += NR, from += NR * s.output_stride, to += panel) {
        const int64_t n = min_of(NR, s.outputs - o);
        if (s.output_stride == 1) {
          for (int64_t c = 0; c < s.channels; ++c) copy_row(from + c * s.channel_stride, to + c * NR, n);
        } else {
          transpose(from, s.output_stride, n, s.channels, to, NR);
        }
      }
    }
  });
  return {packed, NR, panel, panels * panel};
}

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
  p.panel_tasks = min_of(panels, ceil_div(kTasks, p.row_tasks * c.groups));
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
  const Method method = c.method();
  const bool gathered = method == Method::gathered, by_column = method == Method::by_column;
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
  });
}

}  // namespace nabla::NABLA_ISA
