#include "binding/reads.h"

#include "binding/values.h"

namespace nabla {

struct ReadQueue::Pending {
  Read read;
  ReadQueue* queue;
  Napi::Reference<Napi::ArrayBuffer> target;
  Napi::FunctionReference done;
};

napi_value failure_value(napi_env env, const StreamError* error) {
  if (!error) return undefined(env);
  return ObjectValue(env)
      .set("kind", static_cast<double>(error->kind))
      .set("op", error->op)
      .set("message", error->message)
      .value();
}

ReadQueue::ReadQueue(napi_env env) : env_(env) {
  napi_create_threadsafe_function(env, nullptr, nullptr, make(env, std::string("nabla read")), 0, 1, nullptr, nullptr,
                                  this, call_back, &notify_);
  napi_unref_threadsafe_function(env, notify_);
}

// The executor has been joined: nothing settles any more, and what was not called back never will be.
ReadQueue::~ReadQueue() {
  napi_release_threadsafe_function(notify_, napi_tsfn_abort);
  for (Pending* pending : pending_) delete pending;
}

void ReadQueue::start(Stream& stream, const int32_t* operand, int64_t words, Napi::ArrayBuffer target,
                      Napi::Function done) {
  Pending* pending = new Pending;
  pending->queue = this;
  pending->target = Napi::Persistent(target);
  pending->done = Napi::Persistent(done);
  pending->read.target = target.Data();
  pending->read.bytes = target.ByteLength();
  pending->read.settled = settled;
  pending->read.context = pending;
  if (pending_.empty()) napi_ref_threadsafe_function(env_, notify_);
  pending_.insert(pending);
  stream.read(&pending->read, operand, words);
}

// On the executor's thread.
void ReadQueue::settled(Read*, void* context) {
  Pending* pending = static_cast<Pending*>(context);
  napi_call_threadsafe_function(pending->queue->notify_, pending, napi_tsfn_nonblocking);
}

// On the JavaScript thread; `env` is null when the environment ends.
void ReadQueue::call_back(napi_env env, napi_value, void* context, void* data) {
  if (!env) return;
  ReadQueue* queue = static_cast<ReadQueue*>(context);
  Pending* pending = static_cast<Pending*>(data);
  queue->pending_.erase(pending);
  if (queue->pending_.empty()) napi_unref_threadsafe_function(env, queue->notify_);
  const napi_value done = pending->done.Value();
  const napi_value failure = failure_value(env, pending->read.error.get());
  delete pending;
  // A terminated worker refuses the call; an exception stays pending, and Node reports it when this returns.
  napi_call_function(env, undefined(env), done, 1, &failure, nullptr);
}

}  // namespace nabla
