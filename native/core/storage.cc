#include "core/storage.h"

#include "core/command.h"

namespace nabla {
namespace {

constexpr int64_t kMaxElements = (int64_t{1} << 31) - 1;

void set_shape(TensorView& view, int32_t rank, const int32_t* shape) {
  NABLA_CHECK(rank >= 0 && rank <= kMaxRank, "a rank is out of range");
  view.rank = rank;
  // Without the zeros, so that no product of some of the sizes overflows either.
  int64_t elements = 1;
  for (int d = 0; d < rank; ++d) {
    NABLA_CHECK(shape[d] >= 0, "a size is negative");
    view.shape[d] = shape[d];
    if (shape[d] > 0) elements *= shape[d];
    NABLA_CHECK(elements <= kMaxElements, "a tensor has too many elements");
  }
}

}  // namespace

StorageTable::~StorageTable() {
  for (Storage& entry : entries_) allocator_.release(entry.block);
}

Storage& StorageTable::define(int32_t id, int32_t dtype, int32_t rank, const int32_t* shape) {
  NABLA_CHECK(id >= 0 && id < kMaxId, "a tensor id is out of range");
  NABLA_CHECK(dtype >= 0 && dtype < kDTypeCount, "a dtype is out of range");
  if (static_cast<size_t>(id) >= entries_.size()) entries_.resize(static_cast<size_t>(id) + 1);
  Storage& entry = entries_[static_cast<size_t>(id)];
  NABLA_CHECK(!entry.live, "a tensor id is in use");
  set_shape(entry.view, rank, shape);
  entry.view.dtype = static_cast<DType>(dtype);
  int64_t stride = 1;
  for (int d = rank - 1; d >= 0; --d) {
    entry.view.stride[d] = stride;
    stride *= entry.view.shape[d];
  }
  entry.view.data = nullptr;
  entry.live = true;
  entry.serial = ++made_;
  return entry;
}

Storage& StorageTable::at(int32_t id) {
  NABLA_CHECK(id >= 0 && static_cast<size_t>(id) < entries_.size() && entries_[static_cast<size_t>(id)].live,
              "a tensor id is unknown");
  return entries_[static_cast<size_t>(id)];
}

Storage* StorageTable::find(int32_t id, uint64_t serial) {
  Storage& entry = entries_[static_cast<size_t>(id)];
  return entry.live && entry.serial == serial ? &entry : nullptr;
}

void StorageTable::release(int32_t id) {
  if (id < 0 || static_cast<size_t>(id) >= entries_.size()) return;
  Storage& entry = entries_[static_cast<size_t>(id)];
  if (!entry.live) return;
  allocator_.release(entry.block);
  entry.block = {};
  entry.error.reset();
  entry.live = false;
}

TensorView StorageTable::operand(const int32_t*& words, const int32_t* end, Storage** storage) {
  NABLA_CHECK(words < end, "a command is too short");
  const int32_t id = *words++;
  *storage = &at(id >= 0 ? id : ~id);
  NABLA_CHECK((*storage)->view.data || (*storage)->error, "a tensor has no memory");
  if (id >= 0) return (*storage)->view;
  NABLA_CHECK(end - words >= 2, "a command is too short");
  const int32_t rank = words[0];
  const int64_t offset = words[1];
  words += 2;
  NABLA_CHECK(rank >= 0 && rank <= kMaxRank && end - words >= 2 * rank, "a command is too short");
  TensorView view = (*storage)->view;
  const int64_t available = view.numel();
  set_shape(view, rank, words);
  words += rank;
  int64_t lowest = offset, highest = offset;
  for (int d = 0; d < rank; ++d) {
    view.stride[d] = words[d];
    const int64_t reach = (view.shape[d] - 1) * view.stride[d];
    (reach < 0 ? lowest : highest) += reach;
  }
  words += rank;
  if (view.numel() == 0) return view;
  NABLA_CHECK(lowest >= 0 && highest < available, "a view leaves its tensor");
  view.data = static_cast<char*>(view.data) + offset * dtype_size(view.dtype);
  return view;
}

}  // namespace nabla
