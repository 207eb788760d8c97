// Long short-term memory (Hochreiter and Schmidhuber, 1997; with forget gates, Gers, Schmidhuber and Cummins, 2000).
#include "cpu/kernels/lstm_reserve.h"
#include "cpu/kernels/recurrent.h"
#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct LstmCell {
  static constexpr GateBlock kBlocks[] = {{0, true, true}, {1, true, true}, {2, true, true}, {3, true, true}};
  static constexpr int64_t NR = TileShape<T>::NR;

  int64_t units;
  T* c;  // [batch, units], of the step before and then of this one
  bool saves;
  LstmReserve<T> reserve;

  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, const T* z, const T*) const {
    const Vec<T> i = sigmoid(lanes.load(z)), f = sigmoid(lanes.load(z + NR));
    const Vec<T> g = tanh(lanes.load(z + 2 * NR)), o = sigmoid(lanes.load(z + 3 * NR));
    T* own = c + at.row * units + at.unit;
    const Vec<T> next = fma(f, lanes.load(own), i * g);
    lanes.store(own, next);
    if (saves) {
      T* gates = reserve.gates(at.step, at.row) + at.unit;
      lanes.store(gates, i);
      lanes.store(gates + units, f);
      lanes.store(gates + 2 * units, g);
      lanes.store(gates + 3 * units, o);
      lanes.store(reserve.c(at.step, at.row) + at.unit, next);
    }
    return o * tanh(next);
  }
  template <typename Lanes>
  NABLA_INLINE void carry(const Lanes& lanes, const CellPlace& at) const {
    if (saves) lanes.store(reserve.c(at.step, at.row) + at.unit, lanes.load(c + at.row * units + at.unit));
  }
};

template <typename T>
void forward(KernelArgs& args, const Recurrent& p) {
  const bool sequences = args.attr[5] != 0, train = args.attr[6] != 0;
  const int64_t B = p.batch, S = p.steps, H = p.units;
  Operands in(args.in, args.n_in, args.in[0].dtype), out(args.out, args.n_out, args.in[0].dtype);
  RecurrentForward<T> f;
  f.x = in.take<const T>(B * S * p.inputs);
  f.w = in.take<const T>(p.inputs * 4 * H);
  f.u = in.take<const T>(H * 4 * H);
  const T* bias = in.take_if<const T>(p.bias, 4 * H);
  f.h0 = in.take_if<const T>(p.state, B * H);
  const T* c0 = in.take_if<const T>(p.state, B * H);
  f.mask = in.take_mask_if(p.mask, B * S);
  in.finish();
  f.h = out.take<T>(B * H);
  T* c = out.take<T>(B * H);
  f.y = out.take_if<T>(sequences, B * S * H);
  T* saved = out.take_if<T>(train, B * S * 6 * H);
  out.finish();
  const LstmReserve<T> reserve{B, S, H, saved};
  f.saved = saved ? reserve.h(0, 0) : nullptr;
  for (int64_t i = 0; i < B * H; ++i) c[i] = c0 ? c0[i] : 0;
  const T* biases[4];
  for (int g = 0; g < 4; ++g) biases[g] = bias ? bias + g * H : nullptr;
  recur(args, p, f, biases, LstmCell<T>{H, c, train, reserve});
}

}  // namespace

void lstm(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, 4, 7);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
