// What commands say of softmaxCrossEntropy: rows of logits, and what they should be.
#pragma once
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"

namespace nabla {

struct CrossEntropy {
  int64_t rows, columns;
  double smoothing;
  bool by_label;  // int32 labels rather than probabilities
};

// Whether the labels are in range is left to those who can read them.
NABLA_HOST_INLINE CrossEntropy cross_entropy(const KernelArgs& args) {
  const TensorView &logits = args.in[0], &labels = args.in[1];
  NABLA_CHECK(logits.rank == 2 && logits.contiguous() && labels.contiguous(), "logits must be [N, C], all contiguous");
  NABLA_CHECK(logits.dtype == DType::float32 || logits.dtype == DType::float64, "logits must be float32 or float64");
  NABLA_CHECK(args.n_attr >= 1, "labelSmoothing is needed");
  const CrossEntropy p{logits.shape[0], logits.shape[1], args.attr[0], labels.dtype == DType::int32};
  NABLA_CHECK(p.by_label || labels.dtype == logits.dtype, "labels must be int32 or of the logits' dtype");
  NABLA_CHECK(labels.numel() == (p.by_label ? p.rows : p.rows * p.columns), "there must be labels for each row");
  NABLA_CHECK(p.columns > 0 || p.rows == 0, "there must be at least one class");
  return p;
}

NABLA_HOST_INLINE CrossEntropy cross_entropy_forward(const KernelArgs& args) {
  const CrossEntropy p = cross_entropy(args);
  NABLA_CHECK(args.out[0].numel() == p.rows && args.out[1].numel() == p.rows, "the outputs must be [N]");
  NABLA_CHECK(args.out[0].dtype == args.in[0].dtype && args.out[1].dtype == args.in[0].dtype,
              "the outputs must be of the logits' dtype");
  return p;
}

NABLA_HOST_INLINE CrossEntropy cross_entropy_backward(const KernelArgs& args) {
  const CrossEntropy p = cross_entropy(args);
  for (int i = 2; i < 4; ++i) {
    NABLA_CHECK(args.in[i].numel() == p.rows && args.in[i].dtype == args.in[0].dtype && args.in[i].contiguous(),
                "logSumExp and dloss must be [N], contiguous and of the logits' dtype");
  }
  NABLA_CHECK(args.out[0].numel() == p.rows * p.columns && args.out[0].dtype == args.in[0].dtype,
              "the output must be like the logits");
  return p;
}

}  // namespace nabla
