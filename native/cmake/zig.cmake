# A toolchain of CMake that compiles for another platform with zig, which brings the headers and libraries of all of
# them. scripts/prebuild.mjs passes NABLA_ZIG, the program, and NABLA_TARGET, such as x86_64-windows-gnu.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES NABLA_ZIG NABLA_TARGET)

string(REGEX MATCH "^([^-]+)-([^-.]+)" matched ${NABLA_TARGET})
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_MATCH_1})
set(NABLA_SYSTEM_linux Linux)
set(NABLA_SYSTEM_macos Darwin)
set(NABLA_SYSTEM_windows Windows)
set(CMAKE_SYSTEM_NAME ${NABLA_SYSTEM_${CMAKE_MATCH_2}})

set(CMAKE_CXX_COMPILER ${NABLA_ZIG} c++ -target ${NABLA_TARGET})
# zig's archiver is a command of it too, which CMAKE_AR cannot say.
set(CMAKE_CXX_ARCHIVE_CREATE "\"${NABLA_ZIG}\" ar qc <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_APPEND "\"${NABLA_ZIG}\" ar q <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "\"${NABLA_ZIG}\" ranlib <TARGET>")

# CMake would find this out by linking a program, for which zig first compiles all of a static C library.
set(CMAKE_CXX_COMPILER_ID_RUN TRUE)
set(CMAKE_CXX_COMPILER_ID Clang)
set(CMAKE_CXX_COMPILER_VERSION 21)
set(CMAKE_CXX_STANDARD_COMPUTED_DEFAULT 17)
set(CMAKE_CXX_COMPILER_FRONTEND_VARIANT GNU)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_SHARED_LINKER_FLAGS_INIT -s)
