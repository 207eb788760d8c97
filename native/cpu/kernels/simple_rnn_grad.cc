// The gradient of simple_rnn.cc, from the states that it saved.
#include "cpu/kernels/recurrent_grad.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct SimpleRnnGradCell {
  static constexpr int kGates[] = {0};
  static constexpr int64_t kColumns = 1;
  static constexpr bool kCarries = false;

  int64_t batch, units;
  Activation activation;
  const T* h;  // [steps, batch, units]

  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, Vec<T> dh, T* dz) const {
    const Vec<T> y = lanes.load(h + (at.step * batch + at.row) * units + at.unit), zero = Vec<T>::zero();
    // Both are differentiated from their results.
    lanes.store(dz, activation == Activation::relu ? select(zero < y, dh, zero) : dh * (Vec<T>::set(1) - y * y));
    return zero;
  }
};

template <typename T>
void backward(KernelArgs& args, const Recurrent& p, Activation activation) {
  const bool has_dy = args.attr[5] != 0, has_dh = args.attr[6] != 0, wants_dx = args.attr[7] != 0;
  const int64_t B = p.batch, S = p.steps, H = p.units;
  Operands in(args.in, args.n_in, args.in[0].dtype), out(args.out, args.n_out, args.in[0].dtype);
  const T* x = in.take<const T>(B * S * p.inputs);
  const T* w = in.take<const T>(p.inputs * H);
  RecurrentBackward<T> f;
  f.u = in.take<const T>(H * H);
  const T* h0 = in.take_if<const T>(p.state, B * H);
  f.mask = in.take_mask_if(p.mask, B * S);
  const T* h = in.take<const T>(B * S * H);
  f.dy = in.take_if<const T>(has_dy, B * S * H);
  f.dh_after = in.take_if<const T>(has_dh, B * H);
  in.finish();
  T* dx = out.take_if<T>(wants_dx, B * S * p.inputs);
  T* dw = out.take<T>(p.inputs * H);
  T* du = out.take<T>(H * H);
  T* dbias = out.take_if<T>(p.bias, H);
  f.wants_dh0 = p.state;
  f.dh = p.state ? out.take<T>(B * H) : args.workspace.array<T>(B * H);
  out.finish();

  const SumGradients<T> dz(args, p, H);
  if (!dbias) dbias = args.workspace.array<T>(H);
  recur_backward(args, p, f, dz, dbias, SimpleRnnGradCell<T>{B, H, activation, h});
  const WeightGradients<T> gradients{args, p, dz};
  gradients.recurrent(h, h0, 0, H, du);
  gradients.input(x, w, 0, dw, dx);
}

}  // namespace

void simpleRnnGrad(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, 1, 9);
  const Activation activation = cell_activation(args.attr[8]);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p, activation) : backward<double>(args, p, activation);
}

}  // namespace nabla::NABLA_ISA
