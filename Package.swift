// swift-tools-version: 6.2
import Foundation
import PackageDescription

// MARK: - How code is compiled

// `swift run` builds in debug, and a training step without the optimizer would be a hundred times
// slower. So whatever computes is optimized in every configuration, for the processor that builds
// it: build where you run. A module is compiled as a whole, without debugging information, which
// takes two thirds of the time. Who edits and only wants to know whether the code compiles sets
// COURSE_UNOPTIMIZED and builds into a folder of its own.
let isOptimized = Context.environment["COURSE_UNOPTIMIZED"] == nil
#if arch(x86_64)
  let processorFlags = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  let native = ["-Xcc", "-march=native"]
  let vectors: [SwiftSetting] = processorFlags.contains("avx512f") ? [.define("VECTORS_OF_16")] : []
#else
  let native: [String] = []
  let vectors: [SwiftSetting] = []
#endif

let wholeModule = [
  "-O", "-wmo", "-num-threads", "2", "-disable-batch-mode", "-suppress-remarks", "-gnone",
]
let optimized: [SwiftSetting] =
  (isOptimized ? [.unsafeFlags(wholeModule + native)] : [.unsafeFlags(native)]) + vectors

/// The compiler warns of unsafe code that is not marked with `unsafe`.
let safety: [SwiftSetting] = [.strictMemorySafety()]

func core(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: existing("Sources/\(name)", ["README.md"]),
    swiftSettings: optimized + safety)
}

/// A module that waits for files and people, or calls a library that does the work: not optimized,
/// which takes a third of the time to compile.
func light(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: existing("Sources/\(name)", ["README.md"]),
    swiftSettings: safety)
}

func tool(
  _ name: String, _ dependencies: [Target.Dependency], settings: [SwiftSetting] = []
) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies + [argumentParser],
    exclude: existing("Sources/\(name)", ["README.md", "pytorch_networks.py"]),
    swiftSettings: settings + safety)
}

func chapter(_ folder: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: "chapter-\(folder)", dependencies: ["Notebook", "Figures"] + dependencies,
    path: "Chapters/\(folder)",
    exclude: existing(
      "Chapters/\(folder)", ["README.md", "transcript.json", "weights", "records"]),
    swiftSettings: optimized)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["TestSupport"],
    exclude: existing("Tests/\(name)", ["Fixtures", "README.md"]), swiftSettings: optimized)
}

func existing(_ folder: String, _ names: [String]) -> [String] {
  names.filter {
    FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(folder)/\($0)")
  }
}

let argumentParser: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")

// MARK: - Targets

let libraries: [Target] = [
  .systemLibrary(
    name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
  .systemLibrary(
    name: "CCairo", pkgConfig: "cairo",
    providers: [.apt(["libcairo2-dev", "fonts-dejavu-core"])]),
  .target(name: "CParallelism"),
  .target(name: "CProcessor", cSettings: [.unsafeFlags(native.filter { $0 != "-Xcc" })]),
]

let coreModules: [Target] = [
  core("Files", []),
  core("Parallelism", ["CParallelism"]),
  core("SIMDMath", ["CProcessor"]),
  core("Probability", ["Parallelism"]),
  core(
    "Tensors", ["SIMDMath", "Probability", "Parallelism", "COpenBLAS", "CProcessor"]),
  core("Autodiff", ["Tensors", "Probability"]),
  core("Networks", ["Autodiff", "Tensors", "Probability", "Files"]),
  core("Diffusion", ["Probability", "Parallelism"]),
  core(
    "Models",
    ["Networks", "Autodiff", "Diffusion", "Tensors", "Probability", "Parallelism", "Files"]),
  core("Datasets", ["Probability", "Files"]),
  core(
    "Learning",
    [
      "Models", "Networks", "Autodiff", "Diffusion", "Datasets", "Tensors", "SIMDMath",
      "Probability", "Parallelism", "Files",
    ]),
  core(
    "Evaluation",
    [
      "Learning", "Models", "Networks", "Autodiff", "Datasets", "Tensors", "Probability",
      "Parallelism", "Files",
    ]),
]

let teaching: [Target] = [
  light("Formulas", []),
  light("Figures", ["Formulas", "Files", "CCairo"]),
  core("SyntheticData", ["Datasets", "Figures", "Probability", "Parallelism", "Files"]),
  light("Weaving", ["Formulas", "Files"]),
  light("Notebook", ["Probability", "Weaving", "Figures", "Files", argumentParser]),
  light(
    "KnownMistakes", ["Diffusion", "Probability", "Notebook", "Files", argumentParser]),
  light(
    "Training",
    [
      "Evaluation", "Learning", "Models", "Networks", "Autodiff", "Diffusion", "Datasets",
      "SyntheticData", "Tensors", "Probability", "Parallelism", "Notebook", "Figures", "Files",
      argumentParser,
    ]),
]

// What each chapter needs, beside the notebook and the figures.
let chapters: [Target] = [
  chapter(
    "00-forward-process",
    ["KnownMistakes", "Diffusion", "SyntheticData", "Datasets", "Probability"]),
  chapter("01-elbo", ["Diffusion", "Probability"]),
  chapter(
    "02-noise-prediction",
    [
      "Learning", "Models", "Networks", "Autodiff", "Diffusion", "Datasets", "Tensors",
      "Probability", "Parallelism",
    ]),
  chapter(
    "03-ddpm",
    [
      "KnownMistakes", "Evaluation", "Learning", "Models", "Networks", "Autodiff", "Diffusion",
      "SyntheticData", "Datasets", "Tensors", "Probability", argumentParser,
    ]),
  chapter(
    "04-ddim", ["KnownMistakes", "Learning", "Diffusion", "Datasets", "Tensors", "Probability"]),
  chapter(
    "05-classifier-guidance",
    [
      "KnownMistakes", "Learning", "Models", "Networks", "Autodiff", "Diffusion", "SyntheticData",
      "Tensors", "Probability",
    ]),
  chapter(
    "06-classifier-free-guidance",
    [
      "KnownMistakes", "Learning", "Models", "Networks", "Autodiff", "Diffusion", "SyntheticData",
      "Datasets", "Tensors", "Probability",
    ]),
  chapter(
    "07-latent-diffusion",
    [
      "Training", "Evaluation", "Learning", "Models", "Networks", "Autodiff", "Diffusion",
      "SyntheticData", "Tensors", "Probability", "Files", argumentParser,
    ]),
]

let tools: [Target] = [
  tool("course", ["Weaving", "Figures", "Files"]),
  tool(
    "benchmark",
    [
      "Learning", "Models", "Networks", "Autodiff", "Diffusion", "Tensors", "SIMDMath",
      "Probability", "Parallelism", "Weaving", "Figures", "Files", "COpenBLAS", "CProcessor",
    ], settings: optimized),
]

/// A chapter for the tests to run and to weave.
let sample = Target.executableTarget(
  name: "sample-chapter", dependencies: ["Notebook", argumentParser],
  path: "Tests/SampleChapter/09-sample",
  exclude: existing("Tests/SampleChapter/09-sample", ["README.md", "transcript.json"]))

let testTargets: [Target] = [
  .target(
    name: "TestSupport", dependencies: ["Tensors", "Probability", "Files"],
    path: "Tests/TestSupport"),
  tests("FilesTests", ["Files"]),
  tests("ProbabilityTests", ["Diffusion", "Tensors", "Probability"]),
  tests("FiguresTests", ["Figures", "Files"]),
  tests("WeavingTests", ["Weaving", "Files"]),
  tests(
    "NotebookTests", ["Probability", "Notebook", "Weaving", "Figures", "sample-chapter"]),
  tests(
    "ChaptersTests",
    ["Weaving", "Files", "chapter-00-forward-process", "chapter-07-latent-diffusion", "course"]),
  tests(
    "KnownMistakesTests", ["KnownMistakes", "Diffusion", "Tensors", "Probability", argumentParser]),
  tests("TensorsTests", ["Tensors", "Probability", "Parallelism"]),
  tests("AutodiffTests", ["Autodiff", "Tensors", "Probability"]),
  tests(
    "NetworksTests",
    ["Learning", "Models", "Networks", "Autodiff", "Tensors", "Probability", "Files"]),
  tests(
    "ModelsTests",
    ["Learning", "Models", "Networks", "Autodiff", "Diffusion", "Tensors", "Probability", "Files"]),
  tests(
    "LearningTests",
    [
      "Learning", "Models", "Networks", "Autodiff", "Diffusion", "Datasets", "Tensors",
      "Probability", "Files",
    ]),
  tests("DiffusionTests", ["Diffusion", "Tensors", "Probability", "Parallelism"]),
  tests("DatasetsTests", ["Datasets", "Probability", "Files"]),
  tests("SyntheticDataTests", ["SyntheticData", "Datasets", "Files"]),
  tests("EvaluationTests", ["Evaluation", "Tensors", "Probability"]),
  tests("TrainingTests", ["Training", "chapter-07-latent-diffusion"]),
  tests("BenchmarkTests", ["benchmark", "Tensors", "Probability", "Files"]),
  tests("ProjectTests", ["Diffusion", "Probability", "Figures", "Files", "course"]),
]

let importable = [
  "Tensors", "Autodiff", "Networks", "Probability", "Diffusion", "Models", "Figures",
]

let package = Package(
  name: "diffusion-course",
  products: (chapters + tools).map { .executable(name: $0.name, targets: [$0.name]) }
    + importable.map { .library(name: $0, targets: [$0]) },
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", "1.8.0"..<"1.9.0")
  ],
  targets: libraries + coreModules + teaching + chapters + tools + [sample] + testTargets,
  swiftLanguageModes: [.v6]
)
