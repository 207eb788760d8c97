// 2-D convolution and its input gradient. Both are correlations (cpu/gemm/conv_correlate.h): the gradient is that of dy
// with the kernels turned around, one for each residue of the pixel modulo the stride. With few input channels it is
// made by conv_scatter.h instead.
#include <cstring>

#include "core/conv_checks.h"
#include "core/conv_geometry.h"
#include "core/kernel.h"
#include "cpu/gemm/conv_correlate.h"
#include "cpu/gemm/conv_depthwise.h"
#include "cpu/gemm/conv_scatter.h"
#include "cpu/gemm/conv_winograd.h"
#include "cpu/gemm/gemm.h"

namespace nabla::NABLA_ISA {

namespace {

template <typename T>
void correlate(KernelArgs& args, const Correlation<T>& c, const KernelSource<T>& source) {
  if constexpr (std::is_same<T, float>::value) {
    if (c.method == Method::winograd) return correlate_winograd(args, c, source);
  }
  correlate(args, c, pack_kernels(args.pool, source, args.workspace.array<T>(packed_size(source))));
}

template <typename T>
void forward(KernelArgs& args, const ConvGeometry& g, Algorithm algorithm) {
  const TensorView &x = args.in[0], &w = args.in[1], &y = args.out[0];
  if (y.numel() == 0) return;
  Correlation<T> c = forward_correlation<T>(g, x, y, algorithm);
  c.bias = args.n_in > 2 ? args.in[2].as<T>() : nullptr;
  c.activation = static_cast<Activation>(static_cast<int>(args.attr[ConvGeometry::kAttrs]));

  const int64_t channels = c.in.channels, all_outputs = w.shape[3];
  if (c.method == Method::pointwise) {
    GemmArgs<T> product{y.numel() / all_outputs,
                        all_outputs,
                        channels,
                        x.as<T>(),
                        channels,
                        1,
                        w.as<T>(),
                        all_outputs,
                        1,
                        y.as<T>(),
                        all_outputs};
    product.epilogue = {c.bias, c.activation};
    return gemm(args.pool, args.workspace, product);
  }
  if (c.method == Method::depthwise) return correlate_depthwise(args, c, w.as<T>());
  if (c.method == Method::direct)
    return correlate(args, c, KernelPanels<T>{w.as<T>(), all_outputs, TileShape<T>::NR, 0});
  if (g.groups == 1 && all_outputs <= TileShape<T>::NR && (c.method == Method::whole || c.method == Method::gathered)) {
    return correlate(args, c, KernelPanels<T>{w.as<T>(), all_outputs, 0, 0});
  }
  int64_t* taps = args.workspace.array<int64_t>(g.kernel_h * g.kernel_w);
  for (int64_t kh = 0; kh < g.kernel_h; ++kh) {
    for (int64_t kw = 0; kw < g.kernel_w; ++kw) taps[c.tap(kh, kw)] = kh * g.kernel_w + kw;
  }
  const KernelSource<T> source{w.as<T>(), taps,     g.kernel_h * g.kernel_w, channels,
                               c.outputs, g.groups, channels * all_outputs,  all_outputs,
                               1,         c.outputs};
  correlate(args, c, source);
}

// One axis of the input gradient at the pixels p = phase + t*stride, t = 0, 1, ...: dx[p] is the sum over k of
// dy[(p + pad - k*dilation) / stride] * w[k], where the division leaves no rest. Those are k = first + j*step, and dy's
// index falls by `dilation` from one to the next, so in reverse order they are a correlation with stride 1.
struct PhaseAxis {
  int64_t pixels, first, step, taps, dilation, pad;

  PhaseAxis(int64_t phase, int64_t size, int64_t kernel, int64_t stride, int64_t kernel_dilation, int64_t kernel_pad) {
    pixels = size > phase ? ceil_div(size - phase, stride) : 0;
    first = 0;
    while (first < kernel && (phase + kernel_pad - first * kernel_dilation) % stride != 0) ++first;
    step = 1;
    while (step * kernel_dilation % stride != 0) ++step;
    taps = first < kernel ? ceil_div(kernel - first, step) : 0;
    dilation = step * kernel_dilation / stride;
    pad = (taps - 1) * dilation - (phase + kernel_pad - first * kernel_dilation) / stride;
  }
};

template <typename T>
void input_grad(KernelArgs& args, const ConvGeometry& g, Algorithm algorithm) {
  const TensorView &dy = args.in[0], &w = args.in[1], &dx = args.out[0];
  const int64_t h = dx.shape[1], width = dx.shape[2], all_outputs = w.shape[3];
  if (dx.numel() == 0) return;
  if (dy.numel() > 0 && scatters<T>(g, dx.shape[3], all_outputs, algorithm)) {
    return ScatteredGrad<T>(args, g).compute();
  }
  Correlation<T> c;
  c.in = {dy.as<T>(), dy.shape[1], dy.shape[2], all_outputs, all_outputs / g.groups};
  c.images = dx.shape[0];
  c.groups = g.groups;
  c.outputs = w.shape[2];
  c.stride_h = c.stride_w = 1;
  c.out_image = h * width * dx.shape[3];
  c.out_row = g.stride_h * width * dx.shape[3];
  c.out_pixel = g.stride_w * dx.shape[3];
  c.bias = nullptr;
  c.activation = Activation::none;
  c.algorithm = algorithm;

  const auto axis_h = [&](int64_t phase) {
    return PhaseAxis(phase, h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top);
  };
  const auto axis_w = [&](int64_t phase) {
    return PhaseAxis(phase, width, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left);
  };
  const int64_t phases_h = min_of(g.stride_h, h), phases_w = min_of(g.stride_w, width);
  // Pixels between the windows, or behind the last one, when strides leave gaps.
  bool untouched = dy.numel() == 0;
  for (int64_t p = 0; p < phases_h; ++p) untouched |= axis_h(p).taps == 0;
  for (int64_t p = 0; p < phases_w; ++p) untouched |= axis_w(p).taps == 0;
  if (untouched) std::memset(dx.data, 0, dx.numel() * sizeof(T));
  if (dy.numel() == 0) return;

  int64_t* taps = args.workspace.array<int64_t>(g.kernel_h * g.kernel_w);
  for (int64_t phase_h = 0; phase_h < phases_h; ++phase_h) {
    const PhaseAxis rows = axis_h(phase_h);
    for (int64_t phase_w = 0; phase_w < phases_w; ++phase_w) {
      const PhaseAxis cols = axis_w(phase_w);
      if (rows.taps == 0 || cols.taps == 0) continue;
      c.out = dx.as<T>() + (phase_h * width + phase_w) * dx.shape[3];
      c.out_h = rows.pixels, c.out_w = cols.pixels;
      c.kernel_h = rows.taps, c.kernel_w = cols.taps;
      c.dilation_h = rows.dilation, c.dilation_w = cols.dilation;
      c.pad_top = rows.pad, c.pad_left = cols.pad;
      c.method = correlation_method(c);
      for (int64_t i = 0; i < rows.taps; ++i) {
        for (int64_t j = 0; j < cols.taps; ++j) {
          const int64_t kh = rows.first + (rows.taps - 1 - i) * rows.step;
          const int64_t kw = cols.first + (cols.taps - 1 - j) * cols.step;
          taps[c.tap(i, j)] = kh * g.kernel_w + kw;
        }
      }
      if (c.method == Method::pointwise) {
        // One tap, and the pixels of the phase lie evenly apart.
        const GemmArgs<T> product{c.images * c.out_h * c.out_w,
                                  c.outputs,
                                  all_outputs,
                                  dy.as<T>(),
                                  all_outputs,
                                  1,
                                  w.as<T>() + taps[0] * c.outputs * all_outputs,
                                  1,
                                  all_outputs,
                                  c.out,
                                  c.out_pixel};
        gemm(args.pool, args.workspace, product);
        continue;
      }
      if (c.method == Method::depthwise) {
        T* weights = args.workspace.array<T>(rows.taps * cols.taps * all_outputs);
        for (int64_t t = 0; t < rows.taps * cols.taps; ++t) {
          copy_row(w.as<T>() + taps[t] * all_outputs, weights + t * all_outputs, all_outputs);
        }
        correlate_depthwise(args, c, weights);
        continue;
      }
      const KernelSource<T> source{w.as<T>(),   taps,         rows.taps * cols.taps,   c.in.channels,
                                   c.outputs,   g.groups,     c.outputs * all_outputs, 1,
                                   all_outputs, c.in.channels};
      correlate(args, c, source);
    }
  }
}

}  // namespace

void conv2d(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  check_convolution(g, args.in[0], args.out[0], args.in[1]);
  if (args.n_in > 2) check_bias(args.in[2], args.in[1]);
  const Algorithm algorithm = algorithm_of(args, ConvGeometry::kAttrs + 1);
  args.in[0].dtype == DType::float32 ? forward<float>(args, g, algorithm) : forward<double>(args, g, algorithm);
}

void conv2dInputGrad(KernelArgs& args) {
  const ConvGeometry g = ConvGeometry::from(args.attr, args.n_attr);
  check_convolution(g, args.out[0], args.in[0], args.in[1]);
  const Algorithm algorithm = algorithm_of(args, ConvGeometry::kAttrs);
  args.in[0].dtype == DType::float32 ? input_grad<float>(args, g, algorithm) : input_grad<double>(args, g, algorithm);
}

}  // namespace nabla::NABLA_ISA
