// Fully connected recurrent units (Elman, 1990).
#include "cpu/gemm/conv_epilogue.h"
#include "cpu/kernels/recurrent.h"

namespace nabla::NABLA_ISA {
namespace {

template <typename T>
struct SimpleRnnCell {
  static constexpr GateBlock kBlocks[] = {{0, true, true}};

  Activation activation;

  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace&, const T* sums, const T*) const {
    return activate(lanes.load(sums), activation);
  }
  template <typename Lanes>
  NABLA_INLINE void carry(const Lanes&, const CellPlace&) const {}
};

template <typename T>
void forward(KernelArgs& args, const Recurrent& p, Activation activation) {
  const bool sequences = args.attr[5] != 0, train = args.attr[6] != 0;
  const int64_t B = p.batch, S = p.steps, H = p.units;
  Operands in(args.in, args.n_in, args.in[0].dtype), out(args.out, args.n_out, args.in[0].dtype);
  RecurrentForward<T> f;
  f.x = in.take<const T>(B * S * p.inputs);
  f.w = in.take<const T>(p.inputs * H);
  f.u = in.take<const T>(H * H);
  const T* bias = in.take_if<const T>(p.bias, H);
  f.h0 = in.take_if<const T>(p.state, B * H);
  f.mask = in.take_mask_if(p.mask, B * S);
  in.finish();
  f.h = out.take<T>(B * H);
  f.y = out.take_if<T>(sequences, B * S * H);
  f.saved = out.take_if<T>(train, B * S * H);
  out.finish();
  recur(args, p, f, &bias, SimpleRnnCell<T>{activation});
}

}  // namespace

void simpleRnn(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, 1, 8);
  const Activation activation = cell_activation(args.attr[7]);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p, activation) : forward<double>(args, p, activation);
}

}  // namespace nabla::NABLA_ISA
