// Softmax and cross-entropy in one: loss = sum_j t_j (logSumExp - x_j) for each row x of logits. The target t is
// (1 - s) * onehot(label) + s / C, or (1 - s) * probabilities + s / C, with label smoothing s.
#include <cmath>
#include <cstdint>

#include "core/checks.h"
#include "core/kernel.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/softmax_rows.h"

namespace nabla::NABLA_ISA {
namespace {

struct Problem {
  int64_t rows, columns;
  double smoothing;
  bool by_label;  // int32 labels rather than probabilities
};

Problem problem_of(const KernelArgs& args) {
  const TensorView &logits = args.in[0], &labels = args.in[1];
  NABLA_CHECK(logits.rank == 2 && logits.contiguous() && labels.contiguous(), "logits must be [N, C], all contiguous");
  NABLA_CHECK(logits.dtype == DType::float32 || logits.dtype == DType::float64, "logits must be float32 or float64");
  NABLA_CHECK(args.n_attr >= 1, "labelSmoothing is needed");
  const Problem p{logits.shape[0], logits.shape[1], args.attr[0], labels.dtype == DType::int32};
  NABLA_CHECK(p.by_label || labels.dtype == logits.dtype, "labels must be int32 or of the logits' dtype");
  NABLA_CHECK(labels.numel() == (p.by_label ? p.rows : p.rows * p.columns), "there must be labels for each row");
  NABLA_CHECK(p.columns > 0 || p.rows == 0, "there must be at least one class");
  if (p.by_label) {
    const int32_t* label = labels.as<const int32_t>();
    for (int64_t i = 0; i < p.rows; ++i) {
      if (label[i] < 0 || label[i] >= p.columns) {
        kernel_error(ErrorKind::index, "label %d at position %lld is outside [0, %lld)", label[i],
                     static_cast<long long>(i), static_cast<long long>(p.columns));
      }
    }
  }
  return p;
}

// The target of one row is a constant, plus a share of the probabilities or of the one at the label.
template <typename T>
struct Target {
  T everywhere, share;
  NABLA_INLINE explicit Target(const Problem& p)
      : everywhere(static_cast<T>(p.smoothing / static_cast<double>(p.columns))),
        share(static_cast<T>(1 - p.smoothing)) {}
  NABLA_INLINE Vec<T> of(Vec<T> probability) const {
    return fma(probability, Vec<T>::set(share), Vec<T>::set(everywhere));
  }
};

template <typename T>
NABLA_INLINE T loss_by_label(const T* x, int32_t label, const Problem& p, T greatest, T log_sum) {
  const T at_label = greatest - x[label] + log_sum;
  if (p.smoothing == 0) return at_label;
  const Target<T> target(p);
  Vec<T> total = Vec<T>::zero();
  const Vec<T> m = Vec<T>::set(greatest);
  for_lanes<T>(0, p.columns, [&](int64_t j, auto lanes) { total = total + (m - lanes.load(x + j, m)); });
  return target.share * at_label + target.everywhere * (sum_lanes(total) + static_cast<T>(p.columns) * log_sum);
}

template <typename T>
NABLA_INLINE T loss_by_probability(const T* x, const T* probability, const Problem& p, T greatest, T log_sum) {
  const Target<T> target(p);
  const Vec<T> m = Vec<T>::set(greatest), log = Vec<T>::set(log_sum);
  Vec<T> total = Vec<T>::zero();
  for_lanes<T>(0, p.columns, [&](int64_t j, auto lanes) {
    // What has no probability costs nothing, even where the logit is -inf; so do lanes beyond the row.
    const Vec<T> t = target.of(lanes.load(probability + j));
    const Vec<T> cost = t * (m - lanes.load(x + j, m + log) + log);
    total = total + select(t == Vec<T>::zero(), Vec<T>::zero(), cost);
  });
  return sum_lanes(total);
}

template <typename T>
void forward(KernelArgs& args, const Problem& p) {
  const T* logits = args.in[0].as<const T>();
  T *loss = args.out[0].as<T>(), *log_sum_exp = args.out[1].as<T>();
  parallel_ranges(args.pool, p.rows, softmax_grain(p.columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = logits + r * p.columns;
      const T greatest = row_max(x, p.columns);
      const T log_sum = std::log(sum_of_exp(x, p.columns, greatest, [](int64_t, auto, Vec<T>) {}));
      log_sum_exp[r] = greatest + log_sum;
      loss[r] = p.by_label ? loss_by_label(x, args.in[1].as<const int32_t>()[r], p, greatest, log_sum)
                           : loss_by_probability(x, args.in[1].as<const T>() + r * p.columns, p, greatest, log_sum);
    }
  });
}

// dx = dloss * (softmax(x) * sum(t) - t)
template <typename T>
void backward(KernelArgs& args, const Problem& p) {
  using V = Vec<T>;
  const T* logits = args.in[0].as<const T>();
  const T *log_sum_exp = args.in[2].as<const T>(), *dloss = args.in[3].as<const T>();
  T* out = args.out[0].as<T>();
  const Target<T> target(p);
  parallel_ranges(args.pool, p.rows, softmax_grain(p.columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = logits + r * p.columns;
      T* dx = out + r * p.columns;
      const V shift = V::set(log_sum_exp[r]), scale = V::set(dloss[r]);
      if (p.by_label) {
        const V everywhere = V::set(target.everywhere);
        for_lanes<T>(0, p.columns, [&](int64_t j, auto lanes) {
          lanes.store(dx + j, (exp(lanes.load(x + j) - shift) - everywhere) * scale);
        });
        dx[args.in[1].as<const int32_t>()[r]] -= target.share * dloss[r];
      } else {
        const T* probability = args.in[1].as<const T>() + r * p.columns;
        V total = V::zero();
        for_lanes<T>(0, p.columns, [&](int64_t j, auto lanes) { total = total + lanes.load(probability + j); });
        const V sum = V::set(target.share * sum_lanes(total) + static_cast<T>(p.smoothing));
        for_lanes<T>(0, p.columns, [&](int64_t j, auto lanes) {
          const V t = target.of(lanes.load(probability + j));
          lanes.store(dx + j, (exp(lanes.load(x + j) - shift) * sum - t) * scale);
        });
      }
    }
  });
}

}  // namespace

void softmaxCrossEntropy(KernelArgs& args) {
  const Problem p = problem_of(args);
  NABLA_CHECK(args.out[0].numel() == p.rows && args.out[1].numel() == p.rows, "the outputs must be [N]");
  NABLA_CHECK(args.out[0].dtype == args.in[0].dtype && args.out[1].dtype == args.in[0].dtype,
              "the outputs must be of the logits' dtype");
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void softmaxCrossEntropyGrad(KernelArgs& args) {
  const Problem p = problem_of(args);
  for (int i = 2; i < 4; ++i) {
    NABLA_CHECK(args.in[i].numel() == p.rows && args.in[i].dtype == args.in[0].dtype && args.in[i].contiguous(),
                "logSumExp and dloss must be [N], contiguous and of the logits' dtype");
  }
  NABLA_CHECK(args.out[0].numel() == p.rows * p.columns && args.out[0].dtype == args.in[0].dtype,
              "the output must be like the logits");
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
