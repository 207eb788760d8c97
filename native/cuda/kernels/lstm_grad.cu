// The gradient of lstm.cu, from the gates and states that it kept.
#include "cuda/kernels/recurrent_grad.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct LstmGradCell {
  static constexpr int kColumns = 4;
  static constexpr bool kCarries = false;

  T* dc;                        // [batch, units], of the step's c and then of the one before
  KeptGates<const T, 4> gates;  // i, f, g, o
  const T *c, *c_before;        // after the step and before it; the latter may be null

  __device__ T step(const CellPlace& at, T dh, const SumGradientsOf<T>& dz) const {
    const T i = gates(at, 0), f = gates(at, 1), g = gates(at, 2), o = gates(at, 3);
    const T t = math::tanh(c[at.at]);
    const T slope = dh * o * (1 - t * t) + dc[at.at];
    dc[at.at] = slope * f;
    dz(at, 0) = slope * g * (i * (1 - i));
    dz(at, 1) = c_before ? slope * c_before[at.at] * (f * (1 - f)) : T(0);
    dz(at, 2) = slope * i * (1 - g * g);
    dz(at, 3) = dh * t * (o * (1 - o));
    return 0;
  }
};

template <typename T>
void backward(KernelArgs& args, const Recurrent& p) {
  const RecurrentBackward<T> f(args, p);
  copy_or_clear(queue_of(args), f.dc, f.dc_after, p.batch * p.units);
  const int64_t width = 4 * p.units;
  const SumGradients<T> dz(args, p, width);
  recur_backward(args, p, f, dz, f.u, width, width, [&](int64_t step) {
    return LstmGradCell<T>{
        f.dc, {f.kept.of_gates(step), static_cast<int>(p.units)}, f.kept.c(step), step > 0 ? f.kept.c(step - 1) : f.c0};
  });
  const WeightGradients<T> gradients{args, p, dz};
  gradients.bias(f.dbias);
  gradients.recurrent(f.kept.h(0), f.h0, 0, width, f.du);
  gradients.input(f.x, f.w, 0, f.dw, f.dx);
}

}  // namespace

void lstmGrad(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kLstm, 9);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::cuda
