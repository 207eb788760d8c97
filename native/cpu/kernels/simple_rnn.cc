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
  NABLA_INLINE void open(const Lanes&, const CellPlace&, T*) const {}
  template <typename Lanes>
  NABLA_INLINE Vec<T> step(const Lanes& lanes, const CellPlace&, const T* sums, const T*) const {
    return activate(lanes.load(sums), activation);
  }
  template <typename Lanes>
  NABLA_INLINE void carry(const Lanes&, const CellPlace&) const {}
  NABLA_INLINE void fetch(const CellPlace&, int64_t) const {}
};

template <typename T>
void forward(KernelArgs& args, const Recurrent& p, Activation activation) {
  const RecurrentForward<T> f(args, p);
  recur(args, p, f, &f.bias, SimpleRnnCell<T>{activation});
}

}  // namespace

void simpleRnn(KernelArgs& args) {
  const Recurrent p = recurrent_of(args, kSimpleRnn, 8);
  const Activation activation = cell_activation(args.attr[7]);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p, activation) : forward<double>(args, p, activation);
}

}  // namespace nabla::NABLA_ISA
