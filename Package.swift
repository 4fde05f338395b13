// swift-tools-version: 6.2
import Foundation
import PackageDescription

// MARK: - How code is compiled

// `swift run` builds in debug, and a training step without the optimizer would be a hundred times
// slower. So every target of this package is optimized in every configuration, for the processor
// that builds it: build where you run.
#if arch(x86_64)
  let processorFlags = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  let native = ["-Xcc", "-march=native"]
  let vectors: [SwiftSetting] = processorFlags.contains("avx512f") ? [.define("VECTORS_OF_16")] : []
#else
  let native: [String] = []
  let vectors: [SwiftSetting] = []
#endif

let optimized: [SwiftSetting] =
  [.unsafeFlags(["-O"] + native)] + vectors

func core(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: readme("Sources/\(name)"),
    swiftSettings: optimized)
}

func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies + [argumentParser],
    exclude: existing("Sources/\(name)", ["README.md", "pytorch_sampler.py"]),
    swiftSettings: optimized)
}

func chapter(_ folder: String) -> Target {
  .executableTarget(
    name: "chapter-\(folder)",
    dependencies: [
      "Tensors", "Autodiff", "Networks", "Diffusion", "Learning", "Datasets", "Evaluation",
      "Figures", "Notebook", "Museum", argumentParser,
    ],
    path: "Chapters/\(folder)",
    exclude: existing(
      "Chapters/\(folder)", ["README.md", "transcript.json", "weights", "records"]),
    swiftSettings: optimized)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies,
    exclude: existing("Tests/\(name)", ["Fixtures", "README.md"]), swiftSettings: optimized)
}

func existing(_ folder: String, _ names: [String]) -> [String] {
  names.filter {
    FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(folder)/\($0)")
  }
}

func readme(_ folder: String) -> [String] { existing(folder, ["README.md"]) }

let argumentParser: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")

// MARK: - Targets

let libraries: [Target] = [
  .systemLibrary(
    name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
  .systemLibrary(
    name: "CCairo", pkgConfig: "cairo",
    providers: [.apt(["libcairo2-dev", "fonts-dejavu-core"])]),
  .target(name: "CProcessor", cSettings: [.unsafeFlags(native.filter { $0 != "-Xcc" })]),
]

let coreModules: [Target] = [
  core("Vectors", []),
  core("Tensors", ["COpenBLAS", "CProcessor", "Vectors"]),
  core("Autodiff", ["Tensors"]),
  core("Networks", ["Autodiff", "Tensors"]),
  core("Diffusion", ["Tensors"]),
  core("Learning", ["Networks", "Autodiff", "Diffusion", "Tensors", "Vectors"]),
  core("Datasets", ["Tensors", "Figures"]),
  core("Evaluation", ["Networks", "Datasets", "Tensors"]),
]

let teaching: [Target] = [
  core("Figures", ["CCairo"]),
  core("Notebook", ["Figures", "Weaving", argumentParser]),
  core("Weaving", []),
  core("Museum", ["Diffusion", "Tensors", "Notebook", argumentParser]),
]

let chapters: [Target] = [
  chapter("00-forward-process"),
  chapter("01-elbo"),
  chapter("02-noise-prediction"),
  chapter("03-ddpm"),
  chapter("04-ddim"),
  chapter("05-classifier-guidance"),
  chapter("06-classifier-free-guidance"),
  chapter("07-latent-diffusion"),
]

let tools: [Target] = [
  tool("course", ["Weaving"]),
  tool("benchmark", ["Tensors", "Autodiff", "Networks", "Diffusion", "Learning"]),
]

/// A chapter for the tests to run and to weave.
let sample = Target.executableTarget(
  name: "sample-chapter", dependencies: ["Notebook", argumentParser],
  path: "Tests/SampleChapter/09-sample",
  exclude: existing("Tests/SampleChapter/09-sample", ["README.md", "transcript.json"]),
  swiftSettings: optimized)

let testTargets: [Target] = [
  tests("FiguresTests", ["Figures"]),
  tests("WeavingTests", ["Weaving"]),
  tests("NotebookTests", ["Notebook", "Weaving", "Figures", argumentParser, "sample-chapter"]),
  tests(
    "ChaptersTests",
    ["Weaving", "course", "chapter-00-forward-process", "chapter-07-latent-diffusion"]),
  tests("MuseumTests", ["Museum", "Diffusion", "Tensors", argumentParser]),
  tests("TensorsTests", ["Tensors"]),
  tests("AutodiffTests", ["Autodiff", "Tensors"]),
  tests("NetworksTests", ["Networks", "Learning", "Autodiff", "Tensors"]),
  tests("LearningTests", ["Learning", "Networks", "Diffusion", "Autodiff", "Tensors"]),
  tests("DiffusionTests", ["Diffusion", "Tensors"]),
  tests("DatasetsTests", ["Datasets", "Figures", "Tensors"]),
  tests("EvaluationTests", ["Evaluation", "Tensors"]),
]

let package = Package(
  name: "diffusion-course",
  products: (chapters + tools).map { .executable(name: $0.name, targets: [$0.name]) },
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: libraries + coreModules + teaching + chapters + tools + [sample] + testTargets,
  swiftLanguageModes: [.v6]
)
