// Weight gradient of a 2-D convolution: dw[k, o] = sum over output pixels of patch[pixel, k] * dy[pixel, o], a matrix
// product with a short result and a long inner dimension. The micro-kernel reads the patches in the image: a tile holds
// consecutive k of one kernel row, and goes along the output pixels of some rows of one image (a block). Blocks are
// cut into chunks with a partial result each, which are added in order.
#include <cstring>

#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cpu/gemm/conv_checks.h"
#include "cpu/gemm/conv_window.h"
#include "cpu/gemm/microkernel.h"
#include "cpu/gemm/pack.h"
#include "cpu/gemm/scratch.h"

namespace nabla::NABLA_ISA {

namespace {

constexpr int64_t kTasks = 16;              // enough to balance a few threads
constexpr int64_t kBlockPixels = 256;       // a panel of dy stays in the first-level cache
constexpr int64_t kPixelsPerPartial = 512;  // earn the memory traffic of a partial result
constexpr int64_t kPartialBytes = 4 << 20;

template <typename T>
class WeightGrad {
 public:
  WeightGrad(KernelArgs& kernel_args, const ConvGeometry& geometry)
      : args(kernel_args),
        g(geometry),
        dy(args.in[1].as<T>()),
        out_h(args.in[1].shape[1]),
        out_w(args.in[1].shape[2]),
        all_outputs(args.in[1].shape[3]),
        outputs(all_outputs / g.groups),
        panels(ceil_div(outputs, NR)) {
    const TensorView &x = args.in[0], &dw = args.out[0];
    in = {x.as<T>(), x.shape[1], x.shape[2], x.shape[3], dw.shape[2]};
    size = dw.numel();
    bias_size = args.n_out > 1 ? all_outputs : 0;

    col_blocks = ceil_div(out_w, kBlockPixels);
    block_rows = col_blocks > 1 ? 1 : min_of(max_of(kBlockPixels / out_w, 1), out_h);
    row_blocks = ceil_div(out_h, block_rows);
    blocks = x.shape[0] * row_blocks * col_blocks;

    const bool whole_rows = g.dilation_w == 1 || g.kernel_w == 1;
    runs = whole_rows ? g.kernel_h : g.kernel_h * g.kernel_w;
    run = whole_rows ? g.kernel_w * in.channels : in.channels;
    run_tiles = ceil_div(run, MR);
    units = g.groups * panels * runs * run_tiles;

    const int64_t pixels = x.shape[0] * out_h * out_w;
    const int64_t most =
        min_of(min_of(blocks, pixels / kPixelsPerPartial), kPartialBytes / ((size + bias_size) * int64_t{sizeof(T)}));
    chunks = 1;
    while (chunks * 2 <= min_of(most, kTasks)) chunks *= 2;
    parts = min_of(units, kTasks / chunks);
  }

  void run_all() {
    const int64_t tasks = chunks * parts;
    T* partials = chunks > 1 ? args.workspace.array<T>((chunks - 1) * (size + bias_size)) : nullptr;
    const bool copies = needs_copy(in, {-g.pad_left, window_cols(out_w)});
    const int64_t window_size =
        copies ? window_rows(block_rows) * window_cols(min_of(out_w, kBlockPixels)) * in.channels : 0;
    const int64_t panel_size = packs() ? block_rows * min_of(out_w, kBlockPixels) * NR : 0;

    const size_t scratch = (window_size + panel_size) * sizeof(T);
    parallel_for_with_scratch(args.pool, args.workspace, tasks, scratch, [&](int64_t task, void* memory) {
      const int64_t chunk = task % chunks, part = task / chunks;
      T* window_scratch = static_cast<T*>(memory);
      T* dw = chunk == 0 ? args.out[0].as<T>() : partials + (chunk - 1) * (size + bias_size);
      T* dbias = bias_size == 0 ? nullptr : chunk == 0 ? args.out[1].as<T>() : dw + size;
      const int64_t first = blocks * chunk / chunks, last = blocks * (chunk + 1) / chunks;
      for (int64_t b = first; b < last; ++b) {
        add_block(b, units * part / parts, units * (part + 1) / parts, b > first, dw, dbias, window_scratch,
                  window_scratch + window_size);
      }
    });
    if (chunks > 1) {
      add_partials(args.out[0].as<T>(), size, partials);
      if (bias_size > 0) add_partials(args.out[1].as<T>(), bias_size, partials + size);
    }
  }

 private:
  static constexpr int64_t MR = TileShape<T>::MR, NR = TileShape<T>::NR;

  KernelArgs& args;
  const ConvGeometry& g;
  Images<T> in;
  const T* dy;
  int64_t out_h, out_w, all_outputs, outputs, panels;
  int64_t size, bias_size;
  int64_t block_rows, row_blocks, col_blocks, blocks;
  // The rows of dw of one group: `runs` runs of `run` rows whose elements of x lie side by side.
  int64_t runs, run, run_tiles, units;
  int64_t chunks, parts;

  int64_t window_rows(int64_t rows) const { return (rows - 1) * g.stride_h + (g.kernel_h - 1) * g.dilation_h + 1; }
  int64_t window_cols(int64_t cols) const { return (cols - 1) * g.stride_w + (g.kernel_w - 1) * g.dilation_w + 1; }
  bool packs() const { return outputs > NR || g.groups > 1; }

  // dw[units first to last] (+)= the products of one block.
  void add_block(int64_t block, int64_t first, int64_t last, bool accumulate, T* dw, T* dbias, T* window_scratch,
                 T* panel_scratch) const {
    const int64_t x0 = out_w * (block % col_blocks) / col_blocks;
    const int64_t cols = out_w * (block % col_blocks + 1) / col_blocks - x0;
    const int64_t y0 = block / col_blocks % row_blocks * block_rows, rows = min_of(block_rows, out_h - y0);
    const int64_t image = block / (col_blocks * row_blocks);
    const ColumnRange range{x0 * g.stride_w - g.pad_left, window_cols(cols)};

    const int64_t group_units = panels * runs * run_tiles, panel_units = runs * run_tiles;
    Window<T> win{};
    for (int64_t unit = first; unit < last;) {
      const int64_t group = unit / group_units, panel = unit % group_units / panel_units;
      if (unit == first || unit % group_units == 0) {
        win = window(in, image, group, range, y0 * g.stride_h - g.pad_top, window_rows(rows), window_scratch);
      }
      const int64_t n = min_of(NR, outputs - panel * NR), column = group * outputs + panel * NR;
      const T* b = dy + ((image * out_h + y0) * out_w + x0) * all_outputs + column;
      int64_t ldb = all_outputs;
      if (packs()) {
        for (int64_t i = 0; i < rows * cols; ++i) copy_row(b + i * ldb, panel_scratch + i * NR, n);
        b = panel_scratch;
        ldb = NR;
      }
      if (dbias && unit % panel_units == 0) column_sums(b, ldb, rows * cols, n, accumulate, dbias + column);

      const int64_t end = min_of(last, (unit / panel_units + 1) * panel_units);
      for (; unit < end; ++unit) {
        const int64_t r = unit % panel_units / run_tiles, tile = unit % run_tiles;
        const int64_t k0 = run * tile / run_tiles, k1 = run * (tile + 1) / run_tiles;
        const int64_t kh = runs == g.kernel_h ? r : r / g.kernel_w, kw = runs == g.kernel_h ? 0 : r % g.kernel_w;
        // Output rows of the block whose row of x lies in the image.
        const TapRange valid = TapRange::of(y0 * g.stride_h - g.pad_top + kh * g.dilation_h, rows, g.stride_h, in.h);
        const T* x = win.at(valid.first + valid.begin * g.stride_h) + kw * g.dilation_w * in.channels + k0;
        const ATile<T> a{x, 1, g.stride_w * in.channels, cols, valid.end - valid.begin, g.stride_h * win.row};
        const CTile<T> c{dw + ((kh * g.kernel_w + kw) * in.channels + k0) * all_outputs + column, all_outputs};
        microkernel<T>(static_cast<int>(k1 - k0), static_cast<int>(n), a, b + valid.begin * cols * ldb, ldb, c,
                       accumulate, nullptr);
      }
    }
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

  void add_partials(T* result, int64_t n, const T* partials) const {
    parallel_ranges(args.pool, n, 1 << 14, [&](int64_t begin, int64_t end) {
      for (int64_t chunk = 1; chunk < chunks; ++chunk) {
        const T* partial = partials + (chunk - 1) * (size + bias_size);
        for (int64_t i = begin; i < end; ++i) result[i] += partial[i];
      }
    });
  }
};

template <typename T>
void weight_grad(KernelArgs& args, const ConvGeometry& g) {
  if (args.in[0].numel() == 0 || args.in[1].numel() == 0) {
    for (int i = 0; i < args.n_out; ++i) {
      if (args.out[i].numel() > 0) std::memset(args.out[i].data, 0, args.out[i].numel() * sizeof(T));
    }
    return;
  }
  WeightGrad<T>(args, g).run_all();
}

}  // namespace

void conv2dWeightGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  const TensorView &x = args.in[0], &dy = args.in[1], &dw = args.out[0];
  check_convolution(g, x, dy, dw);
  if (args.n_out > 1) check_bias(args.out[1], dw);
  x.dtype == DType::float32 ? weight_grad<float>(args, g) : weight_grad<double>(args, g);
}

}  // namespace nabla::NABLA_ISA
