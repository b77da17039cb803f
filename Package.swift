// swift-tools-version: 6.0
// SPDX-License-Identifier: PostgreSQL
import PackageDescription

// Two ways to build this package:
//
//   * `make` sets PASE_SERVER_INCLUDE to `pg_config --includedir-server` and builds the product
//     `Pase`: Embedded Swift, one shared object that needs libc only.
//   * `swift test`, without that variable, builds only the modules that know nothing of
//     PostgreSQL, in ordinary Swift, and their tests.
let serverInclude = Context.environment["PASE_SERVER_INCLUDE"]
let isServerBuild = serverInclude != nil

/// What every Swift module is compiled with. The server build is Embedded Swift; exclusivity is
/// proved at compile time only, because a dynamic check would cost in each inner loop and would end
/// the whole server where it fails.
func swiftSettings(_ more: [String] = []) -> [SwiftSetting] {
    var settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]
    var flags = ["-enforce-exclusivity=unchecked"] + more
    if isServerBuild {
        settings.append(.enableExperimentalFeature("Embedded"))
        flags += ["-wmo", "-Xcc", "-fvisibility=hidden"]
    } else {
        // The tests are to run optimised code, or a million-round fuzz takes an hour. That wants whole
        // modules, as in the server: generic code is specialised only where its source is at hand.
        flags += ["-O", "-wmo", "-num-threads", "1", "-disable-batch-mode"]
    }
    settings.append(.unsafeFlags(flags))
    return settings
}

/// The server's own headers, as system headers: their warnings are not ours.
let serverHeaders: [String] = serverInclude.map { ["-Xcc", "-isystem", "-Xcc", $0] } ?? []

#if arch(x86_64)
    /// One instruction level of the kernels each, compiled from one source. Each object also holds
    /// weak copies of functions of the runtime, compiled for its level; the linker keeps the first
    /// copy, and SwiftPM links targets in alphabetical order. With a section for each function the
    /// other copies are dropped, so that `scripts/check-instructions` can look at all that is left.
    let kernelLevels: [(name: String, flags: [String])] = [
        (
            "VectorKernelsAVX2",
            ["-Xcc", "-march=x86-64-v3", "-DKERNELS_AVX2", "-Xfrontend", "-function-sections"]
        ),
        (
            "VectorKernelsAVX512",
            [
                "-Xcc", "-march=x86-64-v4", "-Xcc", "-mprefer-vector-width=512",
                "-DKERNELS_AVX2", "-DKERNELS_AVX512", "-Xfrontend", "-function-sections",
            ]
        ),
    ]
#else
    let kernelLevels: [(name: String, flags: [String])] = []
#endif

var targets: [Target] = [
    .target(name: "CKernels"),
    .target(
        name: "VectorKernelsBaseline", dependencies: ["CKernels"], swiftSettings: swiftSettings()),
]
for level in kernelLevels {
    targets.append(
        .target(
            name: level.name, dependencies: ["CKernels"], swiftSettings: swiftSettings(level.flags))
    )
}
targets += [
    .target(
        name: "VectorKernels",
        dependencies: ["CKernels", "VectorKernelsBaseline"]
            + kernelLevels.map { .target(name: $0.name) },
        swiftSettings: swiftSettings()),
    .target(name: "CNumbers"),
    .target(
        name: "NearestNeighbors", dependencies: ["CNumbers", "VectorKernels"],
        swiftSettings: swiftSettings()),
]

var products: [Product] = []
if isServerBuild, let serverInclude {
    products.append(.library(name: "Pase", type: .dynamic, targets: ["Pase"]))
    targets += [
        .target(
            name: "CPostgres",
            cSettings: [
                .unsafeFlags([
                    "-isystem", serverInclude, "-fvisibility=hidden", "-fno-strict-aliasing",
                    "-fwrapv", "-Wall", "-Wextra", "-Wno-unused-parameter",
                ])
            ]),
        .target(
            name: "PostgresServer", dependencies: ["CPostgres"],
            swiftSettings: swiftSettings(serverHeaders)),
        .target(
            name: "Pase", dependencies: ["PostgresServer", "NearestNeighbors", "VectorKernels"],
            exclude: ["Hnsw/README.md", "Ivfflat/README.md"],
            swiftSettings: swiftSettings(serverHeaders),
            linkerSettings: [
                .unsafeFlags([
                    "-Xlinker", "--version-script=Sources/CPostgres/exports.map",
                    "-Xlinker", "--gc-sections",
                ])
            ]),
    ]
} else {
    targets += [
        .testTarget(
            name: "VectorKernelsTests", dependencies: ["VectorKernels"],
            swiftSettings: swiftSettings()),
        .testTarget(
            name: "NearestNeighborsTests", dependencies: ["NearestNeighbors"],
            swiftSettings: swiftSettings()),
    ]
}

let package = Package(name: "pase", products: products, targets: targets)
