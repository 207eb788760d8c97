// Softmax and cross-entropy in one: loss = sum_j t_j (logSumExp - x_j) for each row x of logits. The target t is
// (1 - s) * onehot(label) + s / C, or (1 - s) * probabilities + s / C, with label smoothing s.
#include <cmath>
#include <cstdint>

#include "core/cross_entropy.h"
#include "cpu/isa_namespace.h"
#include "cpu/kernels/softmax_rows.h"

namespace nabla::NABLA_ISA {
namespace {

void check_labels(const KernelArgs& args, const CrossEntropy& p) {
  if (!p.by_label) return;
  const int32_t* label = args.in[1].as<const int32_t>();
  for (int64_t i = 0; i < p.rows; ++i) {
    if (label[i] < 0 || label[i] >= p.columns) {
      kernel_error(ErrorKind::index, "label %d at position %lld is outside [0, %lld)", label[i],
                   static_cast<long long>(i), static_cast<long long>(p.columns));
    }
  }
}

// The target of one row is a constant, plus a share of the probabilities or of the one at the label.
template <typename T>
struct Target {
  T everywhere, share;
  NABLA_INLINE explicit Target(const CrossEntropy& p)
      : everywhere(static_cast<T>(p.smoothing / static_cast<double>(p.columns))),
        share(static_cast<T>(1 - p.smoothing)) {}
  NABLA_INLINE Vec<T> of(Vec<T> probability) const {
    return fma(probability, Vec<T>::set(share), Vec<T>::set(everywhere));
  }
};

template <typename T>
NABLA_INLINE T loss_by_label(const T* x, int32_t label, const CrossEntropy& p, T greatest, T log_sum) {
  const T at_label = greatest - x[label] + log_sum;
  if (p.smoothing == 0) return at_label;
  const Target<T> target(p);
  Vec<T> total = Vec<T>::zero();
  const Vec<T> m = Vec<T>::set(greatest);
  for_lanes<T>(0, p.columns, [&](int64_t j, auto lanes) { total = total + (m - lanes.load(x + j, m)); });
  return target.share * at_label + target.everywhere * (sum_lanes(total) + static_cast<T>(p.columns) * log_sum);
}

template <typename T>
NABLA_INLINE T loss_by_probability(const T* x, const T* probability, const CrossEntropy& p, T greatest, T log_sum) {
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
void forward(KernelArgs& args, const CrossEntropy& p) {
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
void backward(KernelArgs& args, const CrossEntropy& p) {
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
  const CrossEntropy p = cross_entropy_forward(args);
  check_labels(args, p);
  args.in[0].dtype == DType::float32 ? forward<float>(args, p) : forward<double>(args, p);
}

void softmaxCrossEntropyGrad(KernelArgs& args) {
  const CrossEntropy p = cross_entropy_backward(args);
  check_labels(args, p);
  args.in[0].dtype == DType::float32 ? backward<float>(args, p) : backward<double>(args, p);
}

}  // namespace nabla::NABLA_ISA
