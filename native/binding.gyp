# Builds the addon without CMake: `npx node-gyp rebuild --directory native`. Sources and flags come from CMakeLists.txt. It
# does not lie in the root, where npm would run it on every user's machine, and no source lies above it: of those, the
# objects of all targets would have one place.
{
  "variables": {
    "list": "node ../scripts/cmake-list.mjs",
    "glibc%": "<!(node -p \"process.report.getReport().header.glibcVersionRuntime ? 1 : 0\")",
  },
  "target_defaults": {
    "default_configuration": "Release",
    "include_dirs": ["."],
    "defines": ["NABLA_HAS_SCALAR"],
    # Node's own defaults switch these off.
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["-std=c++17", "-O3", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "<!@(<(list) NABLA_FLAGS)"],
    "conditions": [
      ["target_arch == 'x64'", {
        "defines": ["NABLA_HAS_AVX2", "NABLA_HAS_AVX512"],
      }],
      ["target_arch == 'arm64'", {
        "defines": ["NABLA_HAS_NEON"],
      }],
    ],
  },
  "targets": [
    {
      "target_name": "nabla",
      "sources": [
        "<!@(<(list) NABLA_CORE)",
        "<!@(<(list) NABLA_CPU_BASE)",
        "<!@(<(list) NABLA_BINDING)",
      ],
      # -isystem: our warnings are not for the headers of others.
      "cflags_cc": ["-isystem", "<!(node -p \"require('path').dirname(require.resolve('node-addon-api'))\")"],
      "defines": ["<!@(<(list) NABLA_ADDON_DEFINITIONS)"],
      "dependencies": ["kernels_scalar"],
      "conditions": [
        ["target_arch == 'x64'", {
          "dependencies": ["kernels_avx2", "kernels_avx512"],
        }],
        ["target_arch == 'arm64'", {
          "dependencies": ["kernels_neon"],
        }],
        # One binary for many Linux versions: see glibc_floor.cc.
        ["glibc == 1 and target_arch == 'x64'", {
          "ldflags": ["<!@(<(list) NABLA_WRAPPED -Wl,--wrap=)", "-static-libstdc++"],
        }],
      ],
    },
    {
      "target_name": "kernels_scalar",
      "type": "static_library",
      "defines": ["NABLA_ISA_SCALAR"],
      "sources": ["<!@(<(list) NABLA_CPU_KERNELS)"],
    },
  ],
  "conditions": [
    ["target_arch == 'x64'", {
      "targets": [
        {
          "target_name": "kernels_avx2",
          "type": "static_library",
          "defines": ["NABLA_ISA_AVX2"],
          "cflags_cc": ["<!@(<(list) NABLA_FLAGS_avx2)"],
          "sources": ["<!@(<(list) NABLA_CPU_KERNELS)"],
        },
        {
          "target_name": "kernels_avx512",
          "type": "static_library",
          "defines": ["NABLA_ISA_AVX512"],
          "cflags_cc": ["<!@(<(list) NABLA_FLAGS_avx512)"],
          "sources": ["<!@(<(list) NABLA_CPU_KERNELS)"],
        },
      ],
    }],
    ["target_arch == 'arm64'", {
      "targets": [
        {
          "target_name": "kernels_neon",
          "type": "static_library",
          "defines": ["NABLA_ISA_NEON"],
          "sources": ["<!@(<(list) NABLA_CPU_KERNELS)"],
        },
      ],
    }],
  ],
}
