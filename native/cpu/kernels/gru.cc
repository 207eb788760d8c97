// Gated recurrent units (Cho et al., 2014), with the reset gate behind the product, as cuDNN has it.
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
  Kept<T> kept;  // z, r, the candidate, and the part of its sum that r multiplies

  template <typename Lanes>
  NABLA_INLINE void open(const Lanes& lanes, const CellPlace&, T* sums) const {
    lanes.store(sums, sigmoid(lanes.load(sums)));
    lanes.store(sums + NR, sigmoid(lanes.load(sums + NR)));
  }
  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace& at, const T* sums, const T* h) const {
    const Vec<T> z = lanes.load(sums), r = lanes.load(sums + NR);
    const Vec<T> of_h = lanes.load(sums + 3 * NR), candidate = tanh(fma(r, of_h, lanes.load(sums + 2 * NR)));
    if (kept.data) {
      T* gates = kept.of_gates(at.step, at.row) + at.unit;
      lanes.store(gates, z);
      lanes.store(gates + units, r);
      lanes.store(gates + 2 * units, candidate);
      lanes.store(gates + 3 * units, of_h);
    }
    return fma(z, lanes.load(h) - candidate, candidate);
  }
  template <typename Lanes>
  NABLA_INLINE void carry(const Lanes&, const CellPlace&) const {}
  NABLA_INLINE void fetch(const CellPlace&, int64_t) const {}
};

template <typename T>
void forward(KernelArgs& args, const Recurrent& p) {
  const RecurrentForward<T> f(args, p);
  const int64_t H = p.units;
  const T* biases[4] = {};
  if (f.bias) {
    // The sums of z and r are over x and h together.
    T* both = args.workspace.array<T>(2 * H);
    for (int64_t j = 0; j < 2 * H; ++j) both[j] = f.bias[j] + f.bias[3 * H + j];
    biases[0] = both;
    biases[1] = both + H;
    biases[2] = f.bias + 2 * H;
    biases[3] = f.bias + 5 * H;
  }
  recur(args, p, f, biases, GruCell<T>{H, f.kept});
}

}  // namespace

void gru(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kGru, 7);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
