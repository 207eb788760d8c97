// The gradient of simple_rnn.cc, from the states that it kept.
#include "cpu/kernels/recurrent_grad.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct SimpleRnnGradCell {
  static constexpr int kGates[] = {0};
  static constexpr int64_t kColumns = 1, kInput = 0;
  static constexpr bool kCarries = false;

  Activation activation;
  Kept<const T> kept;

  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, Vec<T> dh, T* dz) const {
    const Vec<T> y = lanes.load(kept.h(at.step, at.row) + at.unit), zero = Vec<T>::zero();
    // Both are differentiated from their results.
    lanes.store(dz, activation == Activation::relu ? select(zero < y, dh, zero) : dh * (Vec<T>::set(1) - y * y));
    return zero;
  }
};

template <typename T>
void backward(KernelArgs& args, const Recurrent& p, Activation activation) {
  const RecurrentBackward<T> f(args, p);
  const SumGradients<T> dz(args, p, p.units);
  recur_backward(args, p, f, dz, f.dbias, SimpleRnnGradCell<T>{activation, f.kept});
  const WeightGradients<T> gradients{args, p, dz};
  gradients.recurrent(f.kept.h(0, 0), f.h0, 0, p.units, f.du);
  gradients.input(f.x, 0, f.dw);
}

}  // namespace

void simpleRnnGrad(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kSimpleRnn, 9);
  const Activation activation = cell_activation(args.attr[8]);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p, activation) : backward<double>(args, p, activation);
}

}  // namespace nabla::NABLA_ISA
