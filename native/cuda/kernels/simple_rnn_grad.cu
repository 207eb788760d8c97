// The gradient of simple_rnn.cu, from the states that it kept.
#include "cuda/kernels/recurrent_grad.h"

namespace nabla::cuda {
namespace {

template <typename T>
struct SimpleRnnGradCell {
  static constexpr int kColumns = 1;
  static constexpr bool kCarries = false;

  const T* h;  // after the step
  bool relu;   // or tanh

  __device__ T step(const CellPlace& at, T dh, const SumGradientsOf<T>& dz) const {
    // Both are differentiated from their results.
    const T y = h[at.at];
    dz(at, 0) = relu ? (y > 0 ? dh : T(0)) : dh * (1 - y * y);
    return 0;
  }
};

template <typename T>
void backward(KernelArgs& args, const Recurrent& p, Activation activation) {
  const RecurrentBackward<T> f(args, p);
  const SumGradients<T> dz(args, p, p.units);
  recur_backward(args, p, f, dz, f.u, p.units, p.units, [&](int64_t step) {
    return SimpleRnnGradCell<T>{f.kept.h(step), activation == Activation::relu};
  });
  const WeightGradients<T> gradients{args, p, dz};
  gradients.bias(f.dbias);
  gradients.recurrent(f.kept.h(0), f.h0, 0, p.units, f.du);
  gradients.input(f.x, f.w, 0, f.dw, f.dx);
}

}  // namespace

void simpleRnnGrad(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kSimpleRnn, 9);
  const Activation activation = cell_activation(args.attr[8]);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p, activation) : backward<double>(args, p, activation);
}

}  // namespace nabla::cuda
