#include "core/kernel.h"

namespace nabla {

// Out of line, so that the classes' tables are made here and not in every ISA's object files.
ThreadPool::~ThreadPool() = default;
Workspace::~Workspace() = default;

}  // namespace nabla
