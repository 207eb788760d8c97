#include "binding/backend.h"
#include "cpu/cpu_device.h"

namespace nabla {

void describe_backend(napi_env env, ObjectValue& info) {
  napi_value isas = nullptr;
  napi_create_array(env, &isas);
  uint32_t count = 0;
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (has_isa(isa)) napi_set_element(env, isas, count++, make(env, std::string(isa_name(isa))));
  }
  info.set("isas", isas).set("isa", std::string(isa_name(detect_isa())));
}

std::unique_ptr<Device> open_backend(napi_env env, napi_value options, ObjectValue& opened) {
  char isa_text[16] = "";
  size_t length = 0;
  napi_get_value_string_utf8(env, property(env, options, "isa"), isa_text, sizeof(isa_text), &length);
  Isa isa = Isa::scalar;
  NABLA_CHECK(parse_isa(isa_text, &isa) && has_isa(isa), "this CPU has no such instruction set");
  const double threads = number_of(env, property(env, options, "threads"));
  NABLA_CHECK(threads >= 1 && threads <= 1024, "the number of threads is out of range");
  bool pin = false;
  napi_get_value_bool(env, property(env, options, "pin"), &pin);
  std::unique_ptr<CpuDevice> device(new CpuDevice(isa, static_cast<int>(threads), pin));
  opened.set("isa", std::string(isa_name(isa))).set("threads", threads).set("pinned", device->pinned());
  return device;
}

}  // namespace nabla
