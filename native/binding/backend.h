// Where the addons of the CPU and of CUDA differ: cpu_backend.cc and cuda_backend.cc.
#pragma once
#include <memory>

#include "binding/values.h"
#include "core/device.h"

namespace nabla {

// Adds to what info() tells.
void describe_backend(napi_env env, ObjectValue& info);

// Makes the device that open() was asked for and adds to what it tells. Throws KernelError.
std::unique_ptr<Device> open_backend(napi_env env, napi_value options, ObjectValue& opened);

}  // namespace nabla
