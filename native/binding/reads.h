// Reads that JavaScript does not block on: the executor fills the target, the event loop calls back.
#pragma once
#include <napi.h>

#include <unordered_set>

#include "core/stream.h"

namespace nabla {

// { kind, op, message } for JavaScript, or undefined.
napi_value failure_value(napi_env env, const StreamError* error);

class ReadQueue {
 public:
  explicit ReadQueue(napi_env env);
  ~ReadQueue();
  ReadQueue(const ReadQueue&) = delete;
  ReadQueue& operator=(const ReadQueue&) = delete;

  // Starts a read into `target` that calls `done(failure?)`. The event loop stays alive until then.
  void start(Stream& stream, const int32_t* operand, int64_t words, Napi::ArrayBuffer target, Napi::Function done);

 private:
  struct Pending;
  static void settled(Read* read, void* context);
  static void call_back(napi_env env, napi_value callback, void* context, void* data);

  napi_env env_;
  napi_threadsafe_function notify_ = nullptr;
  std::unordered_set<Pending*> pending_;
};

}  // namespace nabla
