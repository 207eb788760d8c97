// Kernels over all the tensors of lists, such as a model's parameters and their gradients: as many tensors at once as
// a kernel's parameters have room for, each cut into blocks by its size alone.
#pragma once
#include <cstdint>

#include "core/kernel.h"
#include "cuda/kernels/pack.h"
#include "cuda/launch.h"

namespace nabla::cuda {

// Of the 4 KB that a kernel's parameters may take; the rest is for what else a kernel needs.
constexpr int kTableBytes = 3600;

// Lists of `count` tensors; those with the same place in their lists have one dtype and one size.
template <int kLists>
struct TensorTable {
  static constexpr int kCapacity = kTableBytes / (8 * kLists + 10);

  void* data[kLists][kCapacity];
  int32_t size[kCapacity];
  int32_t first_block[kCapacity + 1];
  bool wide[kCapacity];    // float64, or else float32
  bool packed[kCapacity];  // data of all lists is aligned for packs
  int32_t count;
  int64_t first_tensor, blocks_before;  // in the tables before

  // The last of the tensors that begin at this block or before it: empty ones have no blocks.
  __device__ int tensor_of(int block) const {
    int low = 0, high = count;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (first_block[middle] <= block ? low : high) = middle;
    }
    return low;
  }
};

// body(table, blocks) for args.in's first kLists * n tensors.
template <int kLists, typename Body>
void for_tables(const KernelArgs& args, int64_t n, int64_t block_elements, Body&& body) {
  TensorTable<kLists> table = {};
  for (int64_t first = 0; first < n; first += table.count) {
    const int64_t left = n - first;
    table.count = static_cast<int32_t>(left < table.kCapacity ? left : table.kCapacity);
    table.first_tensor = first;
    for (int i = 0; i < table.count; ++i) {
      const TensorView* tensor = args.in + first + i;
      table.size[i] = static_cast<int32_t>(tensor->numel());
      table.wide[i] = tensor->dtype == DType::float64;
      table.packed[i] = true;
      for (int l = 0; l < kLists; ++l) {
        table.data[l][i] = tensor[l * n].data;
        table.packed[i] = table.packed[i] && packable(table.data[l][i]);
      }
      const int64_t blocks = (tensor->numel() + block_elements - 1) / block_elements;
      table.first_block[i + 1] = static_cast<int32_t>(table.first_block[i] + blocks);
    }
    const int32_t blocks = table.first_block[table.count];
    body(static_cast<const TensorTable<kLists>&>(table), static_cast<unsigned>(blocks));
    table.blocks_before += blocks;
  }
}

}  // namespace nabla::cuda
