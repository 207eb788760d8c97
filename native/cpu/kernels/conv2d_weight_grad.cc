// Weight gradient of a 2-D convolution: dw[k, o] = sum over output pixels of patch[pixel, k] * dy[pixel, o], a matrix
// product with a long inner dimension. The micro-kernel reads the patches in the image: a tile holds consecutive k of
// one kernel row, and goes along the output pixels of some rows of one image (a block). Blocks are cut into chunks with
// a partial result each, which are added in order.
#include <cstring>

#include "core/conv_checks.h"
#include "cpu/gemm/conv_correlation.h"
#include "cpu/gemm/conv_depthwise.h"
#include "cpu/gemm/conv_winograd_weight_grad.h"
#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/scratch.h"

namespace nabla::NABLA_ISA {

namespace {

constexpr int64_t kTasks = 16;              // enough to balance a few threads
constexpr int64_t kBlockPixels = 256;       // a panel of dy stays in the first-level cache
constexpr int64_t kGatherPixels = 64;       // the least of a block of copied patches
constexpr int64_t kPixelsPerPartial = 512;  // earn the memory traffic of a partial result
constexpr int64_t kPartialBytes = 4 << 20;

template <typename T>
class WeightGrad {
 public:
  WeightGrad(KernelArgs& kernel_args, const Correlation<T>& forward, bool gathered)
      : args(kernel_args),
        c(forward),
        dy(args.in[1].as<T>()),
        all_outputs(c.groups * c.outputs),
        panels(ceil_div(c.outputs, NR)),
        size(args.out[0].numel()),
        bias_size(args.n_out > 1 ? all_outputs : 0),
        gathers(gathered) {
    const int64_t pixels = c.images * c.out_h * c.out_w;
    if (gathers) {
      block_pixels = min_of(max_of(kGatherBytes / (c.patch() * int64_t{sizeof(T)}), kGatherPixels), kBlockPixels);
      blocks = ceil_div(pixels, block_pixels);
      runs = 1;
    } else {
      col_blocks = ceil_div(c.out_w, kBlockPixels);
      block_rows = col_blocks > 1 ? 1 : min_of(max_of(kBlockPixels / c.out_w, 1), c.out_h);
      row_blocks = ceil_div(c.out_h, block_rows);
      blocks = c.images * row_blocks * col_blocks;
      block_pixels = block_rows * min_of(c.out_w, kBlockPixels);
      runs = c.dilation_w == 1 || c.kernel_w == 1 ? c.kernel_h : c.kernel_h * c.kernel_w;
    }
    run = c.patch() / runs;
    run_tiles = ceil_div(run, MR);
    units = c.groups * panels * runs * run_tiles;

    const int64_t most =
        min_of(min_of(blocks, pixels / kPixelsPerPartial), kPartialBytes / ((size + bias_size) * int64_t{sizeof(T)}));
    chunks = 1;
    while (chunks * 2 <= min_of(most, kTasks)) chunks *= 2;
    parts = min_of(units, kTasks / chunks);
  }

  void compute() {
    const int64_t partial_size = size + bias_size;
    T* partials = chunks > 1 ? args.workspace.array<T>((chunks - 1) * partial_size) : nullptr;
    const size_t scratch = (window_size() + panel_size()) * sizeof(T);
    parallel_for_with_scratch(args.pool, args.workspace, chunks * parts, scratch, [&](int64_t task, void* memory) {
      const int64_t chunk = task % chunks, part = task / chunks;
      const int64_t first_unit = units * part / parts, last_unit = units * (part + 1) / parts;
      T* dw = chunk == 0 ? args.out[0].as<T>() : partials + (chunk - 1) * partial_size;
      T* dbias = bias_size == 0 ? nullptr : chunk == 0 ? args.out[1].as<T>() : dw + size;
      const int64_t first = blocks * chunk / chunks, last = blocks * (chunk + 1) / chunks;
      for (int64_t b = first; b < last; ++b) {
        add_block(b, first_unit, last_unit, b > first, dw, dbias, static_cast<T*>(memory));
      }
    });
    if (chunks == 1) return;
    add_partials(args.pool, args.out[0].as<T>(), size, partials, partial_size, chunks - 1, true);
    if (bias_size == 0) return;
    add_partials(args.pool, args.out[1].as<T>(), bias_size, partials + size, partial_size, chunks - 1, true);
  }

 private:
  static constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;
  static constexpr int64_t kGatherBytes = 1 << 20;

  KernelArgs& args;
  const Correlation<T>& c;
  const T* dy;
  int64_t all_outputs, panels, size, bias_size;
  bool gathers;
  int64_t block_rows, row_blocks, col_blocks, block_pixels, blocks;
  // The rows of dw of one group: `runs` runs of `run` rows whose elements of x lie side by side. A unit is one tile.
  int64_t runs, run, run_tiles, units;
  int64_t chunks, parts;

  // Some output rows of one image (or a part of one row), or with gathered patches some pixels.
  struct Block {
    int64_t pixel, pixels;  // among all output pixels
    int64_t image, y0, rows, x0, cols;
  };
  // The part of x that the block reads, for one group.
  struct Source {
    Window<T> window;
    const T* patches;
  };

  bool packs() const { return c.outputs > NR || c.groups > 1; }
  int64_t window_rows(int64_t rows) const { return (rows - 1) * c.stride_h + (c.kernel_h - 1) * c.dilation_h + 1; }
  ColumnRange window_cols(int64_t x0, int64_t cols) const {
    return {x0 * c.stride_w - c.pad_left, (cols - 1) * c.stride_w + (c.kernel_w - 1) * c.dilation_w + 1};
  }
  int64_t window_size() const {
    if (gathers) return block_pixels * c.patch();
    if (!needs_copy(c.in, c.columns())) return 0;
    return min_of(window_rows(block_rows), c.in.h) * window_cols(0, min_of(c.out_w, kBlockPixels)).count *
           c.in.channels;
  }

  // A part's units reach into at most so many panels.
  int64_t panel_size() const {
    return packs() ? min_of(ceil_div(units / parts + 1, runs * run_tiles) + 1, panels * c.groups) * block_pixels * NR
                   : 0;
  }

  Block block_at(int64_t index) const {
    if (gathers) {
      const int64_t pixel = index * block_pixels;
      return {pixel, min_of(block_pixels, c.images * c.out_h * c.out_w - pixel), 0, 0, 0, 0, 0};
    }
    Block b;
    b.x0 = c.out_w * (index % col_blocks) / col_blocks;
    b.cols = c.out_w * (index % col_blocks + 1) / col_blocks - b.x0;
    b.y0 = index / col_blocks % row_blocks * block_rows;
    b.rows = min_of(block_rows, c.out_h - b.y0);
    b.image = index / (col_blocks * row_blocks);
    b.pixel = (b.image * c.out_h + b.y0) * c.out_w + b.x0;
    b.pixels = b.rows * b.cols;
    return b;
  }

  Source read(const Block& b, int64_t group, T* scratch) const {
    if (!gathers) {
      return {window(c.in, b.image, group, window_cols(b.x0, b.cols), b.y0 * c.stride_h - c.pad_top,
                     window_rows(b.rows), scratch),
              nullptr};
    }
    for (int64_t i = 0; i < b.pixels; ++i) {
      const int64_t x = (b.pixel + i) % c.out_w, row = (b.pixel + i) / c.out_w;
      gather_patch(c, c.in.image(row / c.out_h, group), row % c.out_h, x, scratch + i * c.patch());
    }
    return {{}, scratch};
  }

  // The part of dy that the block reads, in panels of NR columns. Row by row, so that long runs of memory are read.
  void pack_panels(const Block& block, int64_t first, int64_t last, T* packed) const {
    for (int64_t i = 0; i < block.pixels; ++i) {
      const T* row = dy + (block.pixel + i) * all_outputs;
      for (int64_t p = first; p < last; ++p) {
        const int64_t group = p / panels, at = p % panels * NR;
        copy_row(row + group * c.outputs + at, packed + ((p - first) * block.pixels + i) * NR,
                 min_of(NR, c.outputs - at));
      }
    }
  }

  // dw[units first to last] (+)= the products of one block.
  void add_block(int64_t index, int64_t first, int64_t last, bool accumulate, T* dw, T* dbias, T* scratch) const {
    const Block block = block_at(index);
    T* panel_scratch = scratch + window_size();
    const int64_t panel_units = runs * run_tiles, group_units = panels * panel_units;
    Source source{};
    if (packs()) pack_panels(block, first / panel_units, ceil_div(last, panel_units), panel_scratch);
    for (int64_t unit = first; unit < last;) {
      const int64_t group = unit / group_units, panel = unit % group_units / panel_units;
      if (unit == first || unit % group_units == 0) source = read(block, group, scratch);
      const int64_t n = min_of(NR, c.outputs - panel * NR), column = group * c.outputs + panel * NR;
      const T* b = dy + block.pixel * all_outputs + column;
      int64_t ldb = all_outputs;
      if (packs()) {
        b = panel_scratch + (unit / panel_units - first / panel_units) * block.pixels * NR;
        ldb = NR;
      }
      if (dbias && unit % panel_units == 0) column_sums(b, ldb, block.pixels, n, accumulate, dbias + column);
      const int64_t end = min_of(last, (unit / panel_units + 1) * panel_units);
      for (; unit < end; ++unit) {
        const int64_t tile = unit % run_tiles, k0 = run * tile / run_tiles, k1 = run * (tile + 1) / run_tiles;
        tile_product(block, source, unit % panel_units / run_tiles, k0, k1, b, ldb, n, dw + column, accumulate);
      }
    }
  }

  // Rows [k0, k1) of one run.
  void tile_product(const Block& block, const Source& source, int64_t r, int64_t k0, int64_t k1, const T* b,
                    int64_t ldb, int64_t n, T* dw, bool accumulate) const {
    ATile<T> a{source.patches + k0, 1, run, block.pixels, 1, 0};
    if (!gathers) {
      const int64_t kh = runs == c.kernel_h ? r : r / c.kernel_w, kw = runs == c.kernel_h ? 0 : r % c.kernel_w;
      // Output rows of the block whose row of x lies in the image.
      const TapRange valid =
          TapRange::of(block.y0 * c.stride_h - c.pad_top + kh * c.dilation_h, block.rows, c.stride_h, c.in.h);
      const Window<T>& win = source.window;
      a = {win.at(valid.first + valid.begin * c.stride_h) + kw * c.dilation_w * c.in.channels + k0,
           1,
           c.stride_w * c.in.channels,
           block.cols,
           valid.end - valid.begin,
           c.stride_h * win.row};
      b += valid.begin * block.cols * ldb;
    }
    microkernel<T>(static_cast<int>(k1 - k0), static_cast<int>(n), a, b, ldb,
                   CTile<T>{dw + (r * run + k0) * all_outputs, all_outputs}, accumulate, nullptr);
  }

  static void column_sums(const T* b, int64_t ldb, int64_t rows, int64_t n, bool accumulate, T* sums) {
    using V = Vec<T>;
    for (int64_t j = 0; j < n; j += V::width) {
      const int64_t lanes = min_of(V::width, n - j);
      const T* p = b + j;
      V sum[4] = {V::zero(), V::zero(), V::zero(), V::zero()};
      int64_t i = 0;
      for (; i + 4 <= rows; i += 4) {
        for (int u = 0; u < 4; ++u, p += ldb) sum[u] = sum[u] + V::load_part(p, lanes);
      }
      for (; i < rows; ++i, p += ldb) sum[0] = sum[0] + V::load_part(p, lanes);
      V total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
      if (accumulate) total = V::load_part(sums + j, lanes) + total;
      total.store_part(sums + j, lanes);
    }
  }
};

template <typename T>
void weight_grad(KernelArgs& args, const ConvGeometry& g, Algorithm algorithm) {
  const TensorView &x = args.in[0], &dy = args.in[1], &dw = args.out[0];
  if (x.numel() == 0 || dy.numel() == 0) {
    for (int i = 0; i < args.n_out; ++i) {
      if (args.out[i].numel() > 0) std::memset(args.out[i].data, 0, args.out[i].numel() * sizeof(T));
    }
    return;
  }
  const Correlation<T> forward = forward_correlation<T>(g, x, dy, algorithm);
  T* dbias = args.n_out > 1 ? args.out[1].as<T>() : nullptr;
  const WeightGradMethod method = weight_grad_method(forward);
  if constexpr (std::is_same<T, float>::value) {
    if (method == WeightGradMethod::winograd) return winograd_weight_grad(args, forward, dy.as<T>(), dw.as<T>(), dbias);
  }
  if (method == WeightGradMethod::depthwise) {
    depthwise_weight_grad(args, forward, dy.as<T>(), dw.as<T>(), dbias);
  } else {
    WeightGrad<T>(args, forward, method == WeightGradMethod::gathered).compute();
  }
}

}  // namespace

void conv2dWeightGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &dy = args.in[1], &dw = args.out[0];
  check_convolution(g, x, dy, dw);
  if (args.n_out > 1) check_bias(args.out[1], dw);
  const Algorithm algorithm = algorithm_of(args, ConvGeometry::kAttrs);
  x.dtype == DType::float32 ? weight_grad<float>(args, g, algorithm) : weight_grad<double>(args, g, algorithm);
}

}  // namespace nabla::NABLA_ISA
