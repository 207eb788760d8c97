// The gradient of lstm.cc, from the gates and states that it saved.
#include "cpu/kernels/lstm_reserve.h"
#include "cpu/kernels/recurrent_grad.h"
#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct LstmGradCell {
  static constexpr int kGates[] = {0, 1, 2, 3};
  static constexpr int64_t kColumns = 4;
  static constexpr bool kCarries = false;

  int64_t units;
  T* dc;        // [batch, units], of the step's c and then of the one before
  const T* c0;  // may be null
  LstmReserve<T> reserve;

  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, Vec<T> dh, T* dz) const {
    const Vec<T> one = Vec<T>::set(1);
    const T* gates = reserve.gates(at.step, at.row) + at.unit;
    const Vec<T> i = lanes.load(gates), f = lanes.load(gates + units);
    const Vec<T> g = lanes.load(gates + 2 * units), o = lanes.load(gates + 3 * units);
    const Vec<T> t = tanh(lanes.load(reserve.c(at.step, at.row) + at.unit));
    const int64_t own = at.row * units + at.unit;
    const T* const before = at.step > 0 ? reserve.c(at.step - 1, at.row) + at.unit : c0 ? c0 + own : nullptr;
    const Vec<T> slope = fma(dh * o, one - t * t, lanes.load(dc + own));
    lanes.store(dc + own, slope * f);
    lanes.store(dz, slope * g * (i * (one - i)));
    lanes.store(dz + units, before ? slope * lanes.load(before) * (f * (one - f)) : Vec<T>::zero());
    lanes.store(dz + 2 * units, slope * i * (one - g * g));
    lanes.store(dz + 3 * units, dh * t * (o * (one - o)));
    return Vec<T>::zero();
  }
};

template <typename T>
void backward(KernelArgs& args, const Recurrent& p) {
  const bool has_dy = args.attr[5] != 0, has_dh = args.attr[6] != 0, has_dc = args.attr[7] != 0;
  const bool wants_dx = args.attr[8] != 0;
  const int64_t B = p.batch, S = p.steps, H = p.units;
  Operands in(args.in, args.n_in, args.in[0].dtype), out(args.out, args.n_out, args.in[0].dtype);
  const T* x = in.take<const T>(B * S * p.inputs);
  const T* w = in.take<const T>(p.inputs * 4 * H);
  RecurrentBackward<T> f;
  f.u = in.take<const T>(H * 4 * H);
  const T* h0 = in.take_if<const T>(p.state, B * H);
  const T* c0 = in.take_if<const T>(p.state, B * H);
  f.mask = in.take_mask_if(p.mask, B * S);
  const LstmReserve<T> reserve{B, S, H, in.take<T>(B * S * 6 * H)};
  f.dy = in.take_if<const T>(has_dy, B * S * H);
  f.dh_after = in.take_if<const T>(has_dh, B * H);
  const T* dc_after = in.take_if<const T>(has_dc, B * H);
  in.finish();
  T* dx = out.take_if<T>(wants_dx, B * S * p.inputs);
  T* dw = out.take<T>(p.inputs * 4 * H);
  T* du = out.take<T>(H * 4 * H);
  T* dbias = out.take_if<T>(p.bias, 4 * H);
  f.wants_dh0 = p.state;
  f.dh = p.state ? out.take<T>(B * H) : args.workspace.array<T>(B * H);
  T* dc = p.state ? out.take<T>(B * H) : args.workspace.array<T>(B * H);
  out.finish();
  for (int64_t i = 0; i < B * H; ++i) dc[i] = dc_after ? dc_after[i] : 0;

  const SumGradients<T> dz(args, p, 4 * H);
  if (!dbias) dbias = args.workspace.array<T>(4 * H);
  recur_backward(args, p, f, dz, dbias, LstmGradCell<T>{H, dc, c0, reserve});
  const WeightGradients<T> gradients{args, p, dz};
  gradients.recurrent(reserve.h(0, 0), h0, 0, 4 * H, du);
  gradients.input(x, w, 0, dw, dx);
}

}  // namespace

void lstmGrad(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, 4, 9);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
