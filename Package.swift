// swift-tools-version: 6.1
//
// Arrows between targets point down only (ARCHITECTURE.md draws them); scripts/check builds with
// explicit import checking, so an upward import does not compile.
//
// No unsafe flags stand here, so that the package stays usable as a dependency. What the shipped
// module needs beyond this file (static Swift runtime, export list) is given by scripts/setup.

import PackageDescription

let swift: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let package = Package(
  name: "wane",
  products: [
    // Installed as wane.so. It cannot be called `wane` here: SwiftPM then does not link the
    // executable of that name.
    .library(name: "wanelua", type: .dynamic, targets: ["WaneModule"]),
    .executable(name: "wane", targets: ["wane"]),
    .library(name: "waneprobe", type: .dynamic, targets: ["CBoundaryProbe"]),
  ],
  targets: [
    // C: kernels, the oneDNN shim, the Lua boundary.
    .target(name: "CKernels"),
    .target(
      name: "COneDNN", dependencies: ["CKernels"],
      linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]),
    .target(name: "CLuaBridge", dependencies: ["CKernels"]),

    // The engine.
    .target(name: "WaneTensor", dependencies: ["CKernels"], swiftSettings: swift),
    .target(
      name: "WaneGraph", dependencies: ["WaneTensor", "CKernels", "COneDNN"],
      swiftSettings: swift),
    // gzip, for data sets as they are distributed.
    .systemLibrary(name: "CZlib"),
    // zip, for files of several arrays.
    .systemLibrary(name: "CZip"),
    // PNG and JPEG: what libpng and libjpeg jump out of stays in C.
    .target(
      name: "CImage", linkerSettings: [.linkedLibrary("png"), .linkedLibrary("jpeg")]),
    .target(
      name: "WaneNN", dependencies: ["WaneGraph", "WaneTensor", "CKernels", "CZlib"],
      swiftSettings: swift),
    .target(
      name: "WaneCompress", dependencies: ["WaneNN", "WaneGraph", "WaneTensor"],
      swiftSettings: swift),
    .target(
      name: "WaneFormats",
      dependencies: ["WaneNN", "WaneGraph", "WaneTensor", "CKernels", "CZip", "CImage"],
      swiftSettings: swift),

    // The three doors.
    .target(
      name: "WaneLua",
      dependencies: [
        "CLuaBridge", "WaneTensor", "WaneGraph", "WaneNN", "WaneCompress", "WaneFormats",
      ],
      // A link to stdlib/wane: the modules written in Lua are part of the library.
      resources: [.embedInCode("Boundary/stdlib")],
      swiftSettings: swift),
    // C, because opening a module may raise a Lua error.
    .target(name: "WaneModule", dependencies: ["WaneLua", "CLuaBridge"]),
    // What the executable needs from C: readline (GPL, so not in the module), a Lua state, signals.
    .target(
      name: "CConsole", dependencies: ["CLuaBridge"],
      linkerSettings: [.linkedLibrary("readline")]),
    .executableTarget(
      name: "wane", dependencies: ["WaneLua", "CLuaBridge", "CConsole"], swiftSettings: swift,
      linkerSettings: [.linkedLibrary("lua5.4")]),

    // A Lua module of test objects, for Tests/Lua/boundary_test.lua.
    .target(
      name: "BoundaryProbe", dependencies: ["WaneLua", "WaneTensor", "CLuaBridge", "CKernels"],
      path: "Tests/Lua/BoundaryProbe", swiftSettings: swift),
    .target(
      name: "CBoundaryProbe", dependencies: ["BoundaryProbe", "CLuaBridge"],
      path: "Tests/Lua/CBoundaryProbe"),

    .testTarget(
      name: "WaneTensorTests", dependencies: ["WaneTensor", "CKernels"], swiftSettings: swift),
    .testTarget(
      name: "WaneGraphTests",
      dependencies: ["WaneGraph", "WaneTensor", "CKernels", "CAllocationCount"],
      swiftSettings: swift),
    .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
    .testTarget(
      name: "WaneNNTests",
      dependencies: ["WaneNN", "WaneGraph", "WaneTensor", "CAllocationCount"],
      swiftSettings: swift),
    .testTarget(
      name: "WaneFormatsTests",
      dependencies: [
        "WaneFormats", "WaneNN", "WaneGraph", "WaneTensor", "CKernels", "CZip", "CAllocationCount",
      ],
      swiftSettings: swift),
    .testTarget(
      name: "WaneCompressTests",
      dependencies: ["WaneCompress", "WaneFormats", "WaneNN", "WaneGraph", "WaneTensor"],
      swiftSettings: swift),
    .testTarget(name: "COneDNNTests", dependencies: ["COneDNN"], swiftSettings: swift),
    .testTarget(
      name: "CKernelsTests", dependencies: ["CKernels"], exclude: ["sanitize"],
      swiftSettings: swift),
  ],
  cLanguageStandard: .gnu11
)
