// What all optimizer steps share: every parameter of a model, with its gradient and what is kept for it, in one
// parallel pass that reads and writes each of them once.
#pragma once
#include <cstdint>

#include "core/optimizer_step.h"
#include "cpu/simd/lanes.h"
#include "cpu/simd/vec.h"

namespace nabla::NABLA_ISA {

// A run of elements of one tensor.
struct Chunk {
  int32_t tensor;
  int32_t size;
  int64_t begin;
};

// Long enough that the streams of memory run, short enough that two threads end together.
constexpr int64_t kChunk = 16384;

struct Chunks {
  const Chunk* list;
  int64_t count;
};

// The first n inputs, cut by their sizes alone.
inline Chunks cut_into_chunks(KernelArgs& args, int64_t n) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) count += (args.in[i].numel() + kChunk - 1) / kChunk;
  if (count == 0) return {nullptr, 0};
  Chunk* const list = args.workspace.array<Chunk>(count);
  Chunk* next = list;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t size = args.in[i].numel();
    for (int64_t begin = 0; begin < size; begin += kChunk) {
      const int64_t left = size - begin;
      *next++ = {static_cast<int32_t>(i), static_cast<int32_t>(left < kChunk ? left : kChunk), begin};
    }
  }
  return {list, count};
}

// body(index) for every chunk. Neighbours that are small, such as biases, share a task.
template <typename Body>
NABLA_INLINE void for_chunks(KernelArgs& args, Chunks chunks, Body&& body) {
  if (chunks.count == 0) return;
  int64_t* const first = args.workspace.array<int64_t>(chunks.count + 1);
  int64_t tasks = 0, size = 0;
  first[0] = 0;
  for (int64_t c = 0; c < chunks.count; ++c) {
    size += chunks.list[c].size;
    if (size < kChunk && c + 1 < chunks.count) continue;
    first[++tasks] = c + 1;
    size = 0;
  }
  parallel_for(args.pool, tasks, [&](int64_t task) {
    for (int64_t c = first[task]; c < first[task + 1]; ++c) body(c);
  });
}

// The part of a step that is alike for all rules. The weight decay and the rule's step are taken off the parameter in
// one rounding: 1 - weightDecay * learningRate as a float would lose most of a small decay.
template <typename T>
struct StepOptions {
  T decay, clip_value, scale;
};

template <int kSlots, typename T, typename Rule>
NABLA_INLINE void step_chunk(T* __restrict p, const T* __restrict g, T* const* slots, int64_t n,
                             const StepOptions<T>& options, const Rule& rule) {
  using V = Vec<T>;
  // By value: a store might change what lies in memory.
  const Rule own = rule;
  const V decay = V::set(options.decay), clip = V::set(options.clip_value), scale = V::set(options.scale);
  T* __restrict s0 = kSlots > 0 ? slots[0] : nullptr;
  T* __restrict s1 = kSlots > 1 ? slots[1] : nullptr;
  T* __restrict s2 = kSlots > 2 ? slots[2] : nullptr;
  for_lanes<T>(0, n, [&](int64_t i, auto lanes) {
    V slot[kSlots + 1];
    if constexpr (kSlots > 0) slot[0] = lanes.load(s0 + i);
    if constexpr (kSlots > 1) slot[1] = lanes.load(s1 + i);
    if constexpr (kSlots > 2) slot[2] = lanes.load(s2 + i);
    // NaN passes: min and max give their second operand.
    const V gradient = max(-clip, min(clip, lanes.load(g + i) * scale));
    const V step = own(gradient, slot);
    const V parameter = lanes.load(p + i);
    lanes.store(p + i, parameter - fma(parameter, decay, step));
    if constexpr (kSlots > 0) lanes.store(s0 + i, slot[0]);
    if constexpr (kSlots > 1) lanes.store(s1 + i, slot[1]);
    if constexpr (kSlots > 2) lanes.store(s2 + i, slot[2]);
  });
}

// A rule takes a gradient and the slots, changes the slots and gives the step to take off the parameter. make(T{})
// gives the rule for T.
template <int kSlots, typename Make>
NABLA_INLINE void step_parameters(KernelArgs& args, Make&& make) {
  const int64_t n = check_step(args, 2 + kSlots);
  const double decay = args.attr[1] * args.attr[2], clip_value = args.attr[3];
  const double* const scales = args.attr[4] != 0 ? args.in[args.n_in - 1].as<const double>() : nullptr;
  const Chunks chunks = cut_into_chunks(args, n);
  const auto step = [&](const Chunk& chunk, auto zero, const auto& rule) {
    using T = decltype(zero);
    const TensorView* tensor = args.in + chunk.tensor;
    T* list[2 + kSlots];
    for (int i = 0; i < 2 + kSlots; ++i) list[i] = tensor[i * n].template as<T>() + chunk.begin;
    const double scale = scales != nullptr ? scales[chunk.tensor] : 1;
    const StepOptions<T> options{static_cast<T>(decay), static_cast<T>(clip_value), static_cast<T>(scale)};
    step_chunk<kSlots, T>(list[0], list[1], list + 2, chunk.size, options, rule);
  };
  const auto single_rule = make(0.0f);
  const auto double_rule = make(0.0);
  for_chunks(args, chunks, [&](int64_t c) {
    const Chunk& chunk = chunks.list[c];
    if (args.in[chunk.tensor].dtype == DType::float32) return step(chunk, 0.0f, single_rule);
    step(chunk, 0.0, double_rule);
  });
}

}  // namespace nabla::NABLA_ISA
