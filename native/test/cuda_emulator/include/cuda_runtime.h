// A stand-in for CUDA's header of the same name, for tests on machines without a GPU: g++ compiles the CUDA backend
// with it, and an emulator runs the kernels. README.md says how.
#pragma once
#define NABLA_CUDA_EMULATOR 1

// The standard library first: the keywords below are macros.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "../keywords.h"
#include "../vector_types.h"
// (after the types)
#include "../device.h"
#include "../device_math.h"
#include "../launch_api.h"
#include "../mma.h"
#include "../runtime_api.h"
