// Gated recurrent units (Cho et al., 2014), with the reset gate behind the product, as cuDNN has it.
#include "cpu/kernels/gru_reserve.h"
#include "cpu/kernels/recurrent.h"
#include "cpu/simd/math.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct GruCell {
  // The candidate's sums over x and over h stay apart: r multiplies the second alone.
  static constexpr GateBlock kBlocks[] = {{0, true, true}, {1, true, true}, {2, true, false}, {2, false, true}};
  static constexpr int64_t NR = TileShape<T>::NR;

  int64_t units;
  bool saves;
  GruReserve<T> reserve;

  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, const T* sums, const T* h) const {
    const Vec<T> z = sigmoid(lanes.load(sums)), r = sigmoid(lanes.load(sums + NR));
    const Vec<T> of_h = lanes.load(sums + 3 * NR), candidate = tanh(fma(r, of_h, lanes.load(sums + 2 * NR)));
    if (saves) {
      T* gates = reserve.gates(at.step, at.row) + at.unit;
      lanes.store(gates, z);
      lanes.store(gates + units, r);
      lanes.store(gates + 2 * units, candidate);
      lanes.store(gates + 3 * units, of_h);
    }
    return fma(z, lanes.load(h) - candidate, candidate);
  }
  template <typename Lanes>
  NABLA_INLINE void carry(const Lanes&, const CellPlace&) const {}
};

template <typename T>
void forward(KernelArgs& args, const Recurrent& p) {
  const bool sequences = args.attr[5] != 0, train = args.attr[6] != 0;
  const int64_t B = p.batch, S = p.steps, H = p.units;
  Operands in(args.in, args.n_in, args.in[0].dtype), out(args.out, args.n_out, args.in[0].dtype);
  RecurrentForward<T> f;
  f.x = in.take<const T>(B * S * p.inputs);
  f.w = in.take<const T>(p.inputs * 3 * H);
  f.u = in.take<const T>(H * 3 * H);
  const T* bias = in.take_if<const T>(p.bias, 6 * H);
  f.h0 = in.take_if<const T>(p.state, B * H);
  f.mask = in.take_mask_if(p.mask, B * S);
  in.finish();
  f.h = out.take<T>(B * H);
  f.y = out.take_if<T>(sequences, B * S * H);
  T* saved = out.take_if<T>(train, B * S * 5 * H);
  out.finish();
  const GruReserve<T> reserve{B, S, H, saved};
  f.saved = saved ? reserve.h(0, 0) : nullptr;
  const T* biases[4] = {};
  if (bias) {
    // The sums of z and r are over x and h together.
    T* both = args.workspace.array<T>(2 * H);
    for (int64_t j = 0; j < 2 * H; ++j) both[j] = bias[j] + bias[3 * H + j];
    biases[0] = both;
    biases[1] = both + H;
    biases[2] = bias + 2 * H;
    biases[3] = bias + 5 * H;
  }
  recur(args, p, f, biases, GruCell<T>{H, train, reserve});
}

}  // namespace

void gru(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, 3, 7);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
