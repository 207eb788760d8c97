// Values for JavaScript that are safe to make at any moment. In a worker that is being terminated every call that
// touches JavaScript fails, and node-addon-api's wrappers then end the whole process. These look at the status
// instead: what could not be made stays undefined, and nobody is there to miss it.
#pragma once
#include <napi.h>

#include <string>

namespace nabla {

inline napi_value undefined(napi_env env) {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}

inline napi_value make(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

inline napi_value make(napi_env env, bool flag) {
  napi_value value = nullptr;
  napi_get_boolean(env, flag, &value);
  return value;
}

inline napi_value make(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

// An object under construction.
class ObjectValue {
 public:
  explicit ObjectValue(napi_env env) : env_(env) { napi_create_object(env, &value_); }
  ObjectValue& set(const char* name, napi_value value) {
    if (value) napi_set_named_property(env_, value_, name, value);
    return *this;
  }
  template <typename T>
  ObjectValue& set(const char* name, const T& value) {
    return set(name, make(env_, value));
  }
  napi_value value() const { return value_; }

 private:
  napi_env env_;
  napi_value value_ = nullptr;
};

inline napi_value property(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  return napi_get_named_property(env, object, name, &value) == napi_ok ? value : undefined(env);
}

inline double number_of(napi_env env, napi_value value) {
  double number = 0;
  napi_get_value_double(env, value, &number);
  return number;
}

inline napi_value throw_error(napi_env env, const std::string& message) {
  napi_throw_error(env, nullptr, message.c_str());
  return undefined(env);
}

}  // namespace nabla
