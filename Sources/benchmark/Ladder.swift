import ArgumentParser
import Files
import Parallelism
import Probability
import Tensors

/// Measures one convolution written in eight ways, from the definition to the library's kernel on
/// all cores.
struct Ladder: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures one convolution from the plain loops to the fastest kernel.",
    discussion: "Each rung adds one technique, and its result is compared with the definition's.")

  @OptionGroup var common: CommonOptions

  @Option(help: "Seconds to spend on each rung.")
  var seconds = 2.0

  @Option(help: "Images of 8x8 in a batch.")
  var images = 16

  @Option(help: "Channels of the images and of the output, a multiple of 32.")
  var channels = 256

  func validate() throws {
    try requirePositive(seconds: seconds)
    if images < 1 { throw ValidationError("--images is \(images); give at least 1") }
    if channels < 32 || channels % 32 != 0 {
      throw ValidationError("--channels is \(channels); give a multiple of 32")
    }
  }

  func run() throws {
    let report = common.begin()
    let threads = Parallel.threadCount
    report.header()
    let problem = ConvolutionProblem(batch: images, extent: 8, channels: channels)
    let reference = problem.reference()
    var peaks: [Int: Row] = [:]
    var table = LadderTable(report: report, problem: problem)
    for rung in LadderRung.all {
      Parallel.threadCount = rung.usesAllThreads ? threads : 1
      let peak =
        peaks[Parallel.threadCount] ?? matrixProductPeak(seconds: min(2, seconds))
      peaks[Parallel.threadCount] = peak
      let convolution = rung.prepare(problem)
      let difference = convolution().relativeDifference(from: reference)
      try LadderRung.require(difference, of: rung.technique)
      let row = Row(
        name: rung.technique, timing: .of({ _ = convolution() }, seconds: seconds),
        multiplyAdds: problem.multiplyAdds, images: images)
      table.add(row, difference: difference, threads: Parallel.threadCount, peak: peak)
    }
  }
}

/// A 3x3 convolution with a border of zeros, and data for it.
struct ConvolutionProblem: Sendable {
  /// `[batch, height, width, inputs]`.
  let x: Tensor
  /// `[outputs, inputs, 3, 3]`.
  let weight: Tensor

  static let geometry = ConvolutionGeometry(kernel: 3, padding: 1)

  init(x: Tensor, weight: Tensor) {
    self.x = x
    self.weight = weight
  }

  /// Makes Gaussian data for square images and as many outputs as inputs.
  init(batch: Int, extent: Int, channels: Int) {
    var generator = RandomGenerator(seed: 1)
    self.init(
      x: .normal([batch, extent, extent, channels], using: &generator),
      weight: .normal([channels, channels, 3, 3], using: &generator))
  }

  var batch: Int { x.shape[0] }
  var height: Int { x.shape[1] }
  var width: Int { x.shape[2] }
  var inputs: Int { x.shape[3] }
  var outputs: Int { weight.shape[0] }
  var pixels: Int { batch * height * width }
  var outputShape: Shape { [batch, height, width, outputs] }

  /// Multiply-adds of the definition, border included.
  var multiplyAdds: Int { pixels * outputs * inputs * 9 }

  /// The result by the library's reference kernel, whose sums are in double precision.
  func reference() -> Tensor {
    Naive.convolution(x, weight: weight, bias: nil, geometry: Self.geometry)
  }
}

/// One way to compute the convolution.
struct LadderRung: Sendable {
  let technique: String
  /// Whether the rung is measured with all threads instead of one.
  var usesAllThreads = false
  /// Returns what is measured: a function that computes the convolution.
  let prepare: @Sendable (ConvolutionProblem) -> () -> Tensor

  /// The largest relative difference from the definition that rounding explains.
  ///
  /// An output is a sum of n = 9·inputs products. In single precision each addition errs by up to
  /// u = 2⁻²⁴ of the sum so far. The errors have random signs, so the sum errs by about √n·u of its
  /// standard deviation, 3e-6 for 256 inputs. Winograd's transforms with tiles of 4x4 multiply that by
  /// about ten (Lavin and Gray 2016, section 5). A missing product of the n, on the other hand,
  /// changes an output by 1/√n = 2e-2 of its standard deviation. The tolerance lies between.
  static let tolerance = 1e-4

  /// Ends with an error if a result is wrong.
  static func require(_ difference: Double, of technique: String) throws {
    guard difference <= tolerance else {
      throw Failure(
        "'\(technique)' differs from the definition by \(difference), more than \(tolerance)",
        remedy: "run: swift test --filter LadderTests")
    }
  }

  /// The rungs from the slowest to the fastest.
  static let all: [LadderRung] = [
    LadderRung(technique: "the definition: loops in its order") { problem in
      { problem.byDefinition() }
    },
    LadderRung(technique: "innermost loop along the outputs") { problem in
      { problem.alongOutputs() }
    },
    LadderRung(technique: "patches gathered, product by OpenBLAS") { problem in
      { problem.gathered() }
    },
    LadderRung(technique: "sums in registers, patches read in place") { problem in
      { problem.inRegisters() }
    },
    LadderRung(technique: "Winograd F(2x2), plainly, by OpenBLAS") { problem in
      { problem.byWinograd() }
    },
    LadderRung(technique: "library kernel, weights new each call") { problem in
      var weight = problem.weight
      return {
        // Writing to the weight discards what the kernel has kept of it.
        unsafe weight.withMutableElements { _ in }
        return problem.byLibrary(weight)
      }
    },
    LadderRung(technique: "library kernel, filters kept") { problem in
      { problem.byLibrary(problem.weight) }
    },
    LadderRung(technique: "library kernel, all threads", usesAllThreads: true) { problem in
      { problem.byLibrary(problem.weight) }
    },
  ]
}

extension ConvolutionProblem {
  /// The library's kernel: Winograd F(4x4) in blocks that stay in the cache. It keeps the
  /// transformed filters of a weight that comes again.
  func byLibrary(_ weight: Tensor) -> Tensor {
    Kernel.convolution(x, weight: weight, bias: nil, geometry: Self.geometry)
  }
}

extension Tensor {
  /// The largest difference of an element, relative to the root mean square of `other`;
  /// infinite if an element is not finite.
  func relativeDifference(from other: Tensor) -> Double {
    let scale = other.norm() / Double(other.count).squareRoot()
    var largest = 0.0
    for difference in (self - other).elements {
      guard difference.isFinite else { return .infinity }
      largest = Swift.max(largest, Double(abs(difference)))
    }
    return largest / scale
  }
}
