// The addon's functions; src/ts/native/contract.ts is their typed description. Ops add nothing here: they
// travel as commands. Everything belongs to one JavaScript environment (main thread or worker).
#include <napi.h>

#include <atomic>
#include <memory>

#include "binding/backend.h"
#include "binding/handles.h"
#include "binding/reads.h"
#include "binding/values.h"
#include "core/ops.h"
#include "core/stream.h"
#include "cpu/thread_pool.h"

namespace nabla {
namespace {

constexpr uint32_t kTrackedAtOnce = 1024;

class Environment {
 public:
  explicit Environment(napi_env env) : env_(env), handles_(env) { napi_add_env_cleanup_hook(env, end, this); }
  ~Environment() {
    close();
    if (hooked_) napi_remove_env_cleanup_hook(env_, end, this);
  }

  napi_value info(const Napi::CallbackInfo&) {
    napi_value ops = nullptr;
    napi_create_array(env_, &ops);
    for (int i = 0; i < kOpCount; ++i) {
      napi_set_element(env_, ops, static_cast<uint32_t>(i), make(env_, std::string(kOps[i].name)));
    }
    ObjectValue info(env_);
    info.set("ops", ops).set("cpus", static_cast<double>(available_cpus()));
    describe_backend(env_, info);
    return info.value();
  }

  napi_value open(const Napi::CallbackInfo& call) {
    if (stream_) return throw_error(env_, "open: this environment's stream is open");
    const napi_value options = call[0];
    const double limit = number_of(env_, property(env_, options, "memoryLimit"));
    if (!(limit >= 0 && limit < 9e15)) return throw_error(env_, "open: the memory limit is out of range");
    napi_value commands, track_ids, status;
    if (!make_buffers(&commands, &track_ids, &status)) return undefined(env_);
    ObjectValue opened(env_);
    StreamOptions stream;
    try {
      stream.device = open_backend(env_, options, opened);
    } catch (const KernelError& raised) {
      return throw_error(env_, "open: " + raised.message);
    }
    stream.memory_limit = static_cast<size_t>(limit);
    stream.spin = available_cpus() > 1;
    stream.status = status_;
    reads_.reset(new ReadQueue(env_));
    stream_.reset(new Stream(std::move(stream)));
    return opened.set("commands", commands).set("trackIds", track_ids).set("status", status).value();
  }

  napi_value submit(const Napi::CallbackInfo& call) {
    const double words = number_of(env_, call[0]), count = number_of(env_, call[2]);
    if (!stream_ || !(words >= 0 && words <= kCommandBufferWords) || !(count >= 0 && count <= kTrackedAtOnce)) {
      return throw_error(env_, "submit: the stream is closed or the buffer overrun");
    }
    const uint32_t handles = static_cast<uint32_t>(count);
    for (uint32_t i = 0; i < handles; ++i) {
      if (ids_[i] < 0 || ids_[i] >= kMaxId) return throw_error(env_, "submit: a tensor id is out of range");
    }
    handles_.track(call[1], ids_, handles);
    try {
      stream_->submit(words_, static_cast<int64_t>(words));
    } catch (const KernelError& raised) {
      return throw_error(env_, "submit: " + raised.message);
    }
    return undefined(env_);
  }

  napi_value upload(const Napi::CallbackInfo& call) {
    const double id = number_of(env_, call[0]), dtype = number_of(env_, call[1]);
    uint32_t rank = 0;
    if (!stream_ || !(id >= 0 && id < kMaxId) || !(dtype >= 0 && dtype < kDTypeCount) || !call[3].IsTypedArray() ||
        napi_get_array_length(env_, call[2], &rank) != napi_ok || rank > kMaxRank) {
      return throw_error(env_, "upload: wrong arguments");
    }
    const int32_t type = static_cast<int32_t>(dtype);
    int32_t shape[kMaxRank];
    int64_t bytes = dtype_size(static_cast<DType>(type));
    for (uint32_t d = 0; d < rank; ++d) {
      napi_value size;
      if (napi_get_element(env_, call[2], d, &size) != napi_ok) return undefined(env_);
      shape[d] = static_cast<int32_t>(number_of(env_, size));
      bytes *= shape[d];
    }
    void* data = nullptr;
    size_t elements = 0;
    napi_typedarray_type kind;
    napi_get_typedarray_info(env_, call[3], &kind, &elements, &data, nullptr, nullptr);
    if (bytes != static_cast<int64_t>(elements * element_size(kind))) {
      return throw_error(env_, "upload: the data has another size");
    }
    try {
      stream_->upload(static_cast<int32_t>(id), type, static_cast<int32_t>(rank), shape, data,
                      static_cast<size_t>(bytes));
    } catch (const KernelError& raised) {
      const StreamError failure{raised.kind, "upload", raised.message};
      return failure_value(env_, &failure);
    }
    return undefined(env_);
  }

  napi_value read(const Napi::CallbackInfo& call) {
    const int64_t words = static_cast<int64_t>(number_of(env_, call[0]));
    if (!readable(call, words) || !call[2].IsFunction()) return throw_error(env_, "read: wrong arguments");
    reads_->start(*stream_, words_, words, call[1].As<Napi::ArrayBuffer>(), call[2].As<Napi::Function>());
    return undefined(env_);
  }

  napi_value read_sync(const Napi::CallbackInfo& call) {
    const int64_t words = static_cast<int64_t>(number_of(env_, call[0]));
    if (!readable(call, words)) return throw_error(env_, "readSync: wrong arguments");
    Read read;
    napi_get_arraybuffer_info(env_, call[1], &read.target, &read.bytes);
    stream_->read_and_wait(&read, words_, words);
    return failure_value(env_, read.error.get());
  }

  napi_value sweep(const Napi::CallbackInfo& call) {
    const double from = number_of(env_, call[0]);
    if (!stream_) return throw_error(env_, "sweep: the stream is closed");
    if (!(from >= 0 && from <= 2)) return throw_error(env_, "sweep: wrong arguments");
    const auto start = static_cast<HandleTable::Sweep>(static_cast<int>(from));
    return make(env_, static_cast<double>(handles_.sweep(ids_, kTrackedAtOnce, start)));
  }

  napi_value memory(const Napi::CallbackInfo&) {
    if (!stream_) return throw_error(env_, "memory: the stream is closed");
    const Allocator::Stats stats = stream_->allocator().stats();
    return ObjectValue(env_)
        .set("allocated", static_cast<double>(stats.allocated))
        .set("cached", static_cast<double>(stats.cached))
        .set("peak", static_cast<double>(stats.peak))
        .set("limit", static_cast<double>(stats.limit))
        .value();
  }

  napi_value close(const Napi::CallbackInfo&) {
    close();
    return undefined(env_);
  }

 private:
  // Runs on the environment's thread when it ends, while its buffers are still there.
  static void end(void* environment) {
    Environment& self = *static_cast<Environment*>(environment);
    self.hooked_ = false;
    self.close();
  }

  void close() {
    if (!stream_) return;
    stream_.reset();  // joins the executor: nothing writes into JavaScript's buffers after this
    reads_.reset();
  }

  // The memory that JavaScript and the addon share. False when the environment is ending.
  bool make_buffers(napi_value* commands, napi_value* track_ids, napi_value* status) {
    void *words = nullptr, *ids = nullptr, *flag = nullptr;
    napi_value ids_buffer, status_buffer;
    if (napi_create_arraybuffer(env_, kCommandBufferWords * sizeof(int32_t), &words, commands) != napi_ok ||
        napi_create_arraybuffer(env_, kTrackedAtOnce * sizeof(int32_t), &ids, &ids_buffer) != napi_ok ||
        napi_create_arraybuffer(env_, sizeof(int32_t), &flag, &status_buffer) != napi_ok ||
        napi_create_typedarray(env_, napi_int32_array, kTrackedAtOnce, ids_buffer, 0, track_ids) != napi_ok ||
        napi_create_typedarray(env_, napi_int32_array, 1, status_buffer, 0, status) != napi_ok) {
      return false;
    }
    commands_ = Napi::Persistent(Napi::Value(env_, *commands));
    track_ids_ = Napi::Persistent(Napi::Value(env_, *track_ids));
    status_value_ = Napi::Persistent(Napi::Value(env_, *status));
    words_ = static_cast<int32_t*>(words);
    ids_ = static_cast<int32_t*>(ids);
    // JavaScript reads this word as part of an ordinary array; an aligned 32-bit store is all that it needs.
    static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t), "the status word is shared with JavaScript");
    status_ = static_cast<std::atomic<int32_t>*>(flag);
    return true;
  }

  bool readable(const Napi::CallbackInfo& call, int64_t words) const {
    return stream_ && words >= 0 && words <= 3 + 2 * kMaxRank && call[1].IsArrayBuffer();
  }

  static size_t element_size(napi_typedarray_type kind) {
    switch (kind) {
      case napi_int8_array:
      case napi_uint8_array:
      case napi_uint8_clamped_array: return 1;
      case napi_int16_array:
      case napi_uint16_array: return 2;
      case napi_int32_array:
      case napi_uint32_array:
      case napi_float32_array: return 4;
      default: return 8;
    }
  }

  napi_env env_;
  bool hooked_ = true;  // a hook that runs is gone; Deno panics when it is removed again
  HandleTable handles_;
  std::unique_ptr<ReadQueue> reads_;
  std::unique_ptr<Stream> stream_;
  Napi::Reference<Napi::Value> commands_, track_ids_, status_value_;
  int32_t* words_ = nullptr;
  int32_t* ids_ = nullptr;
  std::atomic<int32_t>* status_ = nullptr;
};

template <napi_value (Environment::*method)(const Napi::CallbackInfo&)>
napi_value call_method(napi_env env, napi_callback_info info) {
  const Napi::CallbackInfo call(env, info);
  return (static_cast<Environment*>(call.Data())->*method)(call);
}

template <napi_value (Environment::*method)(const Napi::CallbackInfo&)>
napi_property_descriptor describe(const char* name, Environment* environment) {
  return {name, nullptr, call_method<method>, nullptr, nullptr, nullptr, napi_default_method, environment};
}

napi_value init(napi_env env, napi_value exports) {
  Environment* environment = new Environment(env);
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); };
  napi_set_instance_data(env, environment, finalize, nullptr);
  const napi_property_descriptor functions[] = {
      describe<&Environment::info>("info", environment),     describe<&Environment::open>("open", environment),
      describe<&Environment::submit>("submit", environment), describe<&Environment::upload>("upload", environment),
      describe<&Environment::read>("read", environment),     describe<&Environment::read_sync>("readSync", environment),
      describe<&Environment::sweep>("sweep", environment),   describe<&Environment::memory>("memory", environment),
      describe<&Environment::close>("close", environment),
  };
  napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions);
  return exports;
}

}  // namespace

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)

}  // namespace nabla
