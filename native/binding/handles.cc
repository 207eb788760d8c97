#include "binding/handles.h"

#include <algorithm>

namespace nabla {

void HandleTable::track(napi_value handles, const int32_t* ids, uint32_t count) {
  napi_handle_scope scope;
  napi_open_handle_scope(env_, &scope);
  for (uint32_t i = 0; i < count; ++i) {
    const size_t id = static_cast<size_t>(ids[i]);
    if (id >= references_.size()) references_.resize(id + 1 + id / 2, nullptr);
    if (references_[id]) napi_delete_reference(env_, references_[id]);
    references_[id] = nullptr;
    napi_value handle;
    if (napi_get_element(env_, handles, i, &handle) == napi_ok) {
      napi_create_reference(env_, handle, 0, &references_[id]);
    }
  }
  napi_close_handle_scope(env_, scope);
}

uint32_t HandleTable::sweep(int32_t* dead, uint32_t room, Sweep from) {
  if (from == Sweep::collect) {
    // A jump of the external memory beyond every limit makes V8 run a full collection before the call returns.
    constexpr int64_t kPressure = int64_t{1} << 40;
    int64_t ignored;
    napi_adjust_external_memory(env_, kPressure, &ignored);
    napi_adjust_external_memory(env_, -kPressure, &ignored);
  }
  if (from != Sweep::go_on) swept_ = 0;
  uint32_t count = 0;
  while (swept_ < references_.size() && count < room) {
    // A scope for each stretch: one for each handle would cost as much as looking at it.
    napi_handle_scope scope;
    napi_open_handle_scope(env_, &scope);
    const size_t stretch = std::min(references_.size(), swept_ + 1024);
    for (; swept_ < stretch && count < room; ++swept_) {
      if (!references_[swept_]) continue;
      napi_value handle = nullptr;
      if (napi_get_reference_value(env_, references_[swept_], &handle) == napi_ok && !handle) {
        dead[count++] = static_cast<int32_t>(swept_);
        napi_delete_reference(env_, references_[swept_]);
        references_[swept_] = nullptr;
      }
    }
    napi_close_handle_scope(env_, scope);
  }
  return count;
}

}  // namespace nabla
