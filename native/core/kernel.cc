#include "core/kernel.h"

#include "core/device.h"

namespace nabla {

// Out of line, so that the classes' tables are made here and not in every ISA's object files.
ThreadPool::~ThreadPool() = default;
Workspace::~Workspace() = default;
Device::~Device() = default;

}  // namespace nabla
