#include <cuda_runtime.h>

#include "binding/backend.h"
#include "cuda/cuda_device.h"
#include "cuda/error.h"

namespace nabla {
namespace {

// Why no device can be used, "" when one can.
std::string reason(cudaError_t status, int count, int driver, int runtime) {
  if (status == cudaErrorInsufficientDriver && driver == 0) return "no NVIDIA driver is installed";
  const auto version = [](int number) {
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
  };
  if (status == cudaErrorInsufficientDriver) {
    return "the NVIDIA driver is too old: it supports CUDA " + version(driver) + ", CUDA " + version(runtime) +
           " is needed";
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) return "no CUDA device is present";
  return status == cudaSuccess ? "" : std::string("CUDA does not start: ") + cudaGetErrorString(status);
}

}  // namespace

void describe_backend(napi_env env, ObjectValue& info) {
  int count = 0, driver = 0, runtime = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  cudaGetLastError();  // so that the next call does not report it again
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  napi_value devices = nullptr;
  napi_create_array(env, &devices);
  for (int i = 0; status == cudaSuccess && i < count; ++i) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    int kilohertz = 0, memory_kilohertz = 0, bus_bits = 0;
    cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, i);
    cudaDeviceGetAttribute(&memory_kilohertz, cudaDevAttrMemoryClockRate, i);
    cudaDeviceGetAttribute(&bus_bits, cudaDevAttrGlobalMemoryBusWidth, i);
    const napi_value device = ObjectValue(env)
                                  .set("name", std::string(properties.name))
                                  .set("capability", 10.0 * properties.major + properties.minor)
                                  .set("memory", static_cast<double>(properties.totalGlobalMem))
                                  .set("multiprocessors", static_cast<double>(properties.multiProcessorCount))
                                  .set("clock", 1e3 * kilohertz)
                                  // Twice: memory moves data on both edges of its clock.
                                  .set("bandwidth", 2 * 1e3 * memory_kilohertz * bus_bits / 8)
                                  .value();
    napi_set_element(env, devices, static_cast<uint32_t>(i), device);
  }
  info.set("devices", devices)
      .set("reason", reason(status, count, driver, runtime))
      .set("driver", static_cast<double>(driver))
      .set("runtime", static_cast<double>(runtime));
}

std::unique_ptr<Device> open_backend(napi_env env, napi_value options, ObjectValue& opened) {
  const double number = number_of(env, property(env, options, "device"));
  int count = 0;
  cuda::check(cudaGetDeviceCount(&count));
  NABLA_CHECK(number >= 0 && number < count, "there is no such device");
  bool allow_tf32 = false;
  napi_get_value_bool(env, property(env, options, "allowTf32"), &allow_tf32);
  const int index = static_cast<int>(number);
  std::unique_ptr<CudaDevice> device(new CudaDevice(index, allow_tf32));
  cudaDeviceProp properties;
  cuda::check(cudaGetDeviceProperties(&properties, index));
  opened.set("name", std::string(properties.name)).set("capability", 10.0 * properties.major + properties.minor);
  return device;
}

}  // namespace nabla
