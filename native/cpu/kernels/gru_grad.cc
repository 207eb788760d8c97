// The gradient of gru.cc, from the gates and states that it saved.
#include "cpu/kernels/gru_reserve.h"
#include "cpu/kernels/recurrent_grad.h"

namespace nabla::NABLA_ISA {
namespace {

// The columns of dz: the candidate's sum over h, then the gates z and r, whose sums are over both, then the candidate's
// sum over x. So the columns of U and those of W are neighbours.
template <typename T>
struct GruGradCell {
  static constexpr int kGates[] = {2, 0, 1};
  static constexpr int64_t kColumns = 4;
  static constexpr bool kCarries = true;

  int64_t units;
  const T* h0;  // may be null
  GruReserve<T> reserve;

  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, Vec<T> dh, T* dz) const {
    const Vec<T> one = Vec<T>::set(1);
    const T* gates = reserve.gates(at.step, at.row) + at.unit;
    const Vec<T> z = lanes.load(gates), r = lanes.load(gates + units);
    const Vec<T> candidate = lanes.load(gates + 2 * units), of_h = lanes.load(gates + 3 * units);
    const T* const before = at.step > 0 ? reserve.h(at.step - 1, at.row) + at.unit
                            : h0        ? h0 + at.row * units + at.unit
                                        : nullptr;
    const Vec<T> h = before ? lanes.load(before) : Vec<T>::zero();
    const Vec<T> slope = dh * (one - z) * (one - candidate * candidate);
    lanes.store(dz, slope * r);
    lanes.store(dz + units, dh * (h - candidate) * (z * (one - z)));
    lanes.store(dz + 2 * units, slope * of_h * (r * (one - r)));
    lanes.store(dz + 3 * units, slope);
    return dh * z;
  }
};

template <typename T>
void backward(KernelArgs& args, const Recurrent& p) {
  const bool has_dy = args.attr[5] != 0, has_dh = args.attr[6] != 0, wants_dx = args.attr[7] != 0;
  const int64_t B = p.batch, S = p.steps, H = p.units;
  Operands in(args.in, args.n_in, args.in[0].dtype), out(args.out, args.n_out, args.in[0].dtype);
  const T* x = in.take<const T>(B * S * p.inputs);
  const T* w = in.take<const T>(p.inputs * 3 * H);
  RecurrentBackward<T> f;
  f.u = in.take<const T>(H * 3 * H);
  const T* h0 = in.take_if<const T>(p.state, B * H);
  f.mask = in.take_mask_if(p.mask, B * S);
  const GruReserve<T> reserve{B, S, H, in.take<T>(B * S * 5 * H)};
  f.dy = in.take_if<const T>(has_dy, B * S * H);
  f.dh_after = in.take_if<const T>(has_dh, B * H);
  in.finish();
  T* dx = out.take_if<T>(wants_dx, B * S * p.inputs);
  T* dw = out.take<T>(p.inputs * 3 * H);
  T* du = out.take<T>(H * 3 * H);
  T* dbias = out.take_if<T>(p.bias, 6 * H);
  f.wants_dh0 = p.state;
  f.dh = p.state ? out.take<T>(B * H) : args.workspace.array<T>(B * H);
  out.finish();

  const SumGradients<T> dz(args, p, 4 * H);
  T* sums = args.workspace.array<T>(4 * H);
  recur_backward(args, p, f, dz, sums, GruGradCell<T>{H, h0, reserve});
  if (dbias) {
    copy_row(sums + H, dbias, 3 * H);
    copy_row(sums + H, dbias + 3 * H, 2 * H);
    copy_row(sums, dbias + 5 * H, H);
  }
  const WeightGradients<T> gradients{args, p, dz};
  gradients.recurrent(reserve.h(0, 0), h0, H, 2 * H, du);
  gradients.recurrent(reserve.h(0, 0), h0, 0, H, du + 2 * H);
  gradients.input(x, w, H, dw, dx);
}

}  // namespace

void gruGrad(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, 3, 8);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
