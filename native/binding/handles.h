// Weak references to the JavaScript handles of tensors, by tensor id: how memory comes back that nobody disposed of.
#pragma once
#include <node_api.h>

#include <vector>

namespace nabla {

class HandleTable {
 public:
  explicit HandleTable(napi_env env) : env_(env) {}

  // Watches handle i under ids[i]. An id that is used again drops the reference it had.
  void track(napi_value handles, const int32_t* ids, uint32_t count);
  // Where a sweep starts: where the last call stopped for want of room, or anew, or anew after making V8 collect
  // garbage.
  enum class Sweep : int { go_on = 0, anew = 1, collect = 2 };
  // Lists ids whose handle is gone, at most `room` of them, and forgets these.
  uint32_t sweep(int32_t* dead, uint32_t room, Sweep from);

 private:
  napi_env env_;
  size_t swept_ = 0;
  std::vector<napi_ref> references_;
};

}  // namespace nabla
