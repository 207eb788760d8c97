// A convolution with bias and activation, then max pooling, of which only the maxima and their places are kept. The
// result of the convolution is made in slices that stay in the caches: some images, or some rows of one. Each is a
// convolution by itself, and gets the bits that the whole one would get.
#include <new>

#include "core/conv_checks.h"
#include "core/kernel.h"
#include "cpu/gemm/conv_correlation.h"
#include "cpu/kernels/max_pool.h"

namespace nabla::NABLA_ISA {

void conv2d(KernelArgs& args);

namespace {

constexpr int64_t kSliceBytes = 2 << 20;                     // about what a slice of the convolution's result takes
constexpr int64_t kSliceBytesPerWeight = 64;                 // every slice packs or transforms the kernels again
constexpr int kConvolutionAttrs = ConvGeometry::kAttrs + 2;  // those of conv2d

// Scratch memory that every slice uses again.
class SliceWorkspace final : public Workspace {
 public:
  explicit SliceWorkspace(Workspace& all) : all_(all) {}
  void* get(size_t bytes) override {
    if (next_ == kPieces) return all_.get(bytes);
    Piece& piece = pieces_[next_++];
    if (piece.bytes < bytes) piece = {all_.get(bytes), bytes};
    return piece.data;
  }
  void start_slice() { next_ = 0; }

 private:
  static constexpr int kPieces = 16;
  struct Piece {
    void* data = nullptr;
    size_t bytes = 0;
  };
  Workspace& all_;
  Piece pieces_[kPieces];
  int next_ = 0;
};

TensorView contiguous_view(const TensorView& like, void* data, int64_t images, int64_t h, int64_t w, int64_t channels) {
  return {data, like.dtype, 4, {images, h, w, channels}, {h * w * channels, w * channels, channels, 1}};
}

class ConvMaxPool {
 public:
  ConvMaxPool(KernelArgs& kernel_args, const ConvGeometry& convolution, const ConvGeometry& pooling)
      : args(kernel_args), conv(convolution), pool(pooling), x(args.in[0]), y(args.out[0]) {
    conv_h = conv.out_h(x.shape[1]), conv_w = conv.out_w(x.shape[2]);
  }

  template <typename T, typename Place>
  void compute() {
    choose_slices<T>();
    const int64_t outputs = y.shape[3], out_h = y.shape[1], most_rows = conv_rows(min_of(rows_, out_h)).count;
    // Needs no destruction, so that no code for unwinding is made for this instruction set.
    SliceWorkspace& workspace = *new (args.workspace.get(sizeof(SliceWorkspace))) SliceWorkspace(args.workspace);
    T* scratch = args.workspace.template array<T>(images_ * most_rows * conv_w * outputs);
    const int64_t out_row = y.shape[2] * outputs;
    for (int64_t image = 0; image < y.shape[0]; image += images_) {
      for (int64_t row = 0; row < out_h; row += rows_) {
        workspace.start_slice();
        const Slice slice{image, min_of(images_, y.shape[0] - image), row, min_of(rows_, out_h - row)};
        const TensorView whole = convolve<T>(slice, scratch, workspace);
        const int64_t at = (image * out_h + row) * out_row;
        const TensorView pooled = contiguous_view(y, y.as<T>() + at, slice.images, slice.rows, y.shape[2], outputs);
        max_pool(args.pool, PoolShape(pool, whole, pooled), whole.as<T>(), pooled.as<T>(),
                 args.n_out > 1 ? args.out[1].as<Place>() + at : nullptr);
      }
    }
  }

 private:
  KernelArgs& args;
  const ConvGeometry conv, pool;
  const TensorView &x, &y;
  int64_t conv_h, conv_w;
  int64_t images_ = 0, rows_ = 0;  // of a slice: images, and rows of windows

  struct Slice {
    int64_t image, images, row, rows;
  };
  // Rows of the convolution's result.
  struct Rows {
    int64_t first, count;
  };

  bool whole_images(int64_t rows) const { return rows == y.shape[1]; }
  // What `rows` rows of windows, the first ones of some images, pool.
  Rows conv_rows(int64_t rows, int64_t first = 0) const {
    if (whole_images(rows)) return {0, conv_h};
    return {first * pool.kernel_h, rows * pool.kernel_h};
  }

  // The geometry of a convolution that gives these rows of the result, and the rows of x that it reads.
  ConvGeometry geometry(const Rows& rows, Rows* source) const {
    ConvGeometry g = conv;
    const int64_t begin = rows.first * g.stride_h - g.pad_top;
    const int64_t end = begin + (rows.count - 1) * g.stride_h + (g.kernel_h - 1) * g.dilation_h + 1;
    const int64_t first = min_of(max_of(begin, 0), x.shape[1]), last = max_of(min_of(end, x.shape[1]), first);
    g.pad_top = first - begin, g.pad_bottom = end - last;
    *source = {first, last - first};
    return g;
  }

  template <typename T>
  TensorView source_view(const Slice& slice, const Rows& rows) const {
    const int64_t row = x.shape[2] * x.shape[3];
    return contiguous_view(x, x.as<T>() + (slice.image * x.shape[1] + rows.first) * row, slice.images, rows.count,
                           x.shape[2], x.shape[3]);
  }

  template <typename T>
  TensorView convolve(const Slice& slice, T* scratch, Workspace& workspace) const {
    const Rows rows = conv_rows(slice.rows, slice.row);
    Rows source{0, x.shape[1]};
    const ConvGeometry g = whole_images(slice.rows) ? conv : geometry(rows, &source);
    TensorView in[3] = {source_view<T>(slice, source), args.in[1], {}};
    if (args.n_in > 2) in[2] = args.in[2];
    const TensorView out = contiguous_view(y, scratch, slice.images, rows.count, conv_w, y.shape[3]);
    double attr[kConvolutionAttrs];
    for (int i = 0; i < kConvolutionAttrs; ++i) attr[i] = args.attr[i];
    attr[6] = static_cast<double>(g.pad_top), attr[8] = static_cast<double>(g.pad_bottom);
    KernelArgs call{in, args.n_in, &out, 1, attr, kConvolutionAttrs, args.pool, workspace};
    conv2d(call);
    return out;
  }

  // Whether a slice is computed by the method of the whole convolution: only then has it the same bits.
  template <typename T>
  bool same_method(int64_t images, int64_t rows, int64_t first_row) const {
    const Slice slice{0, images, first_row, rows};
    const Rows wanted = conv_rows(rows, first_row);
    Rows source{0, x.shape[1]};
    const ConvGeometry g = whole_images(rows) ? conv : geometry(wanted, &source);
    const TensorView map = contiguous_view(y, nullptr, images, wanted.count, conv_w, y.shape[3]);
    const Algorithm algorithm = algorithm_of(args, ConvGeometry::kAttrs + 1);
    return forward_correlation<T>(g, source_view<T>(slice, source), map, algorithm).method ==
           forward_correlation<T>(conv, x, all_rows(), algorithm).method;
  }

  template <typename T>
  void choose_slices() {
    const int64_t outputs = y.shape[3], all = y.shape[0], out_h = y.shape[1];
    const int64_t image_bytes = conv_h * conv_w * outputs * int64_t{sizeof(T)};
    const int64_t bytes = max_of(kSliceBytes, kSliceBytesPerWeight * args.in[1].numel() * int64_t{sizeof(T)});
    images_ = min_of(max_of(bytes / max_of(image_bytes, 1), 1), all);
    rows_ = out_h;
    // A product of single pixels may be cut along its inner dimension by the number of its rows.
    if (conv.kernel_h == 1 && conv.kernel_w == 1) images_ = all;
    const int64_t rest = all % images_;
    if (!same_method<T>(images_, out_h, 0) || (rest > 0 && !same_method<T>(rest, out_h, 0))) images_ = all;
    if (images_ > 1 || image_bytes < 2 * bytes || !PoolShape(pool, all_rows(), y).tiled()) return;
    // Rows of padding alone are left to slices of whole images.
    const int64_t span = (conv.kernel_h - 1) * conv.dilation_h + 1;
    if (conv.pad_top >= span || conv.pad_bottom >= span) return;
    // Winograd's tiles of 4 rows stay where they are.
    const int64_t step = pool.kernel_h % 4 == 0 ? 1 : pool.kernel_h % 2 == 0 ? 2 : 4;
    const int64_t rows = ceil_div(bytes, ceil_div(image_bytes, out_h) * step) * step, left = out_h % rows;
    if (rows < out_h && same_method<T>(1, rows, 0) && same_method<T>(1, rows, rows) &&
        (left == 0 || same_method<T>(1, left, out_h - left))) {
      rows_ = rows;
    }
  }

  TensorView all_rows() const { return contiguous_view(y, nullptr, y.shape[0], conv_h, conv_w, y.shape[3]); }
};

}  // namespace

void conv2dMaxPool(KernelArgs& args) {
  NABLA_CHECK(args.n_attr == kConvolutionAttrs + ConvGeometry::kAttrs, "the geometries are incomplete");
  const ConvGeometry conv = ConvGeometry::from(args.attr, ConvGeometry::kAttrs);
  const ConvGeometry pool = ConvGeometry::from(args.attr + kConvolutionAttrs, ConvGeometry::kAttrs);
  const TensorView &x = args.in[0], &w = args.in[1], &y = args.out[0];
  NABLA_CHECK(x.rank == 4 && w.rank == 4 && y.rank == 4, "a convolution needs tensors of rank 4");
  const TensorView map =
      contiguous_view(y, nullptr, x.shape[0], conv.out_h(x.shape[1]), conv.out_w(x.shape[2]), w.shape[3]);
  check_convolution(conv, x, map, w);
  if (args.n_in > 2) check_bias(args.in[2], w);
  check_pooling(pool, map, y);
  if (args.n_out > 1) check_places(pool, map, y, args.out[1]);
  if (y.numel() == 0) return;
  by_dtypes(x.dtype, args.n_out > 1 ? args.out[1].dtype : DType::uint8,
            [&](auto t, auto place) { ConvMaxPool(args, conv, pool).compute<decltype(t), decltype(place)>(); });
}

}  // namespace nabla::NABLA_ISA
