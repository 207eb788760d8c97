// The executor's table of tensors by id.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/allocator.h"
#include "core/checks.h"
#include "core/tensor_view.h"

namespace nabla {

// What went wrong in a command; the tensors it should have made carry it on to whoever reads them.
struct StreamError {
  ErrorKind kind;
  std::string op;
  std::string message;
};

struct Storage {
  Block block;
  TensorView view{};  // contiguous, as allocated
  bool live = false;
  uint64_t serial = 0;  // which of the tensors that had this id
  std::shared_ptr<const StreamError> error;
};

class StorageTable {
 public:
  explicit StorageTable(Allocator& allocator) : allocator_(allocator) {}
  ~StorageTable();

  // Claims an id for a tensor without memory. Throws KernelError when the id is in use or the shape is impossible.
  Storage& define(int32_t id, int32_t dtype, int32_t rank, const int32_t* shape);
  // Throws KernelError for an id that is not live.
  Storage& at(int32_t id);
  // Null when the id is another tensor's by now, or nobody's.
  Storage* find(int32_t id, uint64_t serial);
  // An id that is not live is passed over: its tensor was never made.
  void release(int32_t id);

  // Reads an operand of a command and moves `words` behind it. Checks that a view stays inside its storage.
  TensorView operand(const int32_t*& words, const int32_t* end, Storage** storage);

 private:
  Allocator& allocator_;
  std::vector<Storage> entries_;
  uint64_t made_ = 0;
};

}  // namespace nabla
