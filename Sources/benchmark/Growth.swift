import ArgumentParser
import Autodiff
import Figures
import Files
import Foundation
import Learning
import Networks
import Probability
import Tensors
import Weaving

/// Measures how time grows with the batch, the number of steps and the size of images, and draws it.
struct Growth: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how time grows with work, and draws it.",
    discussion: "Takes about two minutes. The times are those of the fastest runs.")

  @OptionGroup var common: CommonOptions

  @Option(help: "Seconds to spend on each point, after two runs to warm up; at least three runs.")
  var seconds = 0.5

  @Option(help: "The largest batch; a power of two from 8 on.")
  var batch = 512

  @Option(
    help: ArgumentHelp("The figure to write: .svg, .pdf or .png.", valueName: "file"))
  var figure = "figures/benchmark-growth.svg"

  func validate() throws {
    try requirePositive(seconds: seconds)
    if batch < 8 || batch & (batch - 1) != 0 {
      throw ValidationError("--batch is \(batch); give a power of two from 8 on")
    }
    let kinds = FileFormat.allCases.map(\.rawValue)
    let url = URL(fileURLWithPath: figure)
    guard kinds.contains(url.pathExtension) else {
      let names = kinds.map { ".\($0)" }.joined(separator: ", ")
      throw ValidationError("--figure is \(figure); give a name in \(names)")
    }
    let folder = url.deletingLastPathComponent().path
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw ValidationError("--figure is \(figure); \(folder) is no folder to write to")
    }
  }

  func run() throws {
    let report = common.begin()
    report.header()
    let panels = [batches, steps, sizes].map { measure in
      let panel = measure()
      TerminalStatus.clear()
      report.growth(panel)
      return panel
    }
    let url = URL(fileURLWithPath: figure)
    try GrowthFigure(panels: panels).figure.write(to: url)
    if !common.json { print("\nwritten: \(figure)") }
  }

  // MARK: - What is measured

  /// A training step and a forward pass of unet-small against the batch.
  private func batches() -> GrowthPanel {
    let sizes = Array(sequence(first: 1) { $0 < batch ? 2 * $0 : nil })
    let work = networkWork(.unetSmall)
    var optimizer = AdamW(work.parameters)
    let training = curve("training step", sizes) { size in
      let loss = work.loss(size)
      return { optimizer.step(on: loss) }
    }
    let forward = curve("forward pass", sizes) { size in
      let pass = work.forward(size)
      return { pass(Tape(recording: false)) }
    }
    return GrowthPanel(title: "unet-small", axis: "batch", curves: [training, forward]) {
      "batch \(Int($0))"
    }
  }

  /// Sampling against the number of steps.
  private func steps() -> GrowthPanel {
    let network = makeUNet(.unetSmall)
    let images = 16
    let sampling = curve("\(images) images, guided", [5, 10, 20, 30, 50, 75, 100]) { count in
      GuidedSampling(network, images: images, steps: count).run
    }
    return GrowthPanel(title: "sampling with unet-small", axis: "steps", curves: [sampling]) {
      "\(Int($0)) steps"
    }
  }

  /// A forward pass of the convolutional autoencoder against the pixels of an image.
  private func sizes() -> GrowthPanel {
    let images = 16
    let net = Autoencoder(.init(), generator: RandomGenerator(seed: 1))
    let extents = [8, 16, 24, 32, 48, 64]
    let forward = curve("forward pass, \(images) images", extents) { extent in
      var random = RandomGenerator(seed: 2)
      let x = Tensor.normal([images, 3, extent, extent], using: &random)
      return { _ = net.decode(net.encode(Tape(recording: false).constant(x)).mean) }
    }
    return GrowthPanel(
      title: "autoencoder", axis: "size of an image", curves: [forward.squared],
      name: { pixels in
        let extent = Int(pixels.squareRoot().rounded())
        return "\(extent)×\(extent)"
      }, marks: [8 * 8, 16 * 16, 32 * 32, 64 * 64])
  }

  private func curve(
    _ name: String, _ amounts: [Int], _ make: (Int) -> () -> Void
  ) -> GrowthCurve {
    let times = amounts.map { amount in
      TerminalStatus.show("\(name), \(amount)")
      return Timing.of(make(amount), seconds: seconds).fastest
    }
    return GrowthCurve(name: name, amounts: amounts.map(Double.init), seconds: times)
  }
}

extension Report {
  /// Prints the times of a panel and the fitted exponents.
  func growth(_ panel: GrowthPanel) {
    if !asJSON { print("\n\(panel.title)") }
    for curve in panel.curves {
      let exponent = curve.fittedExponent
      guard !asJSON else {
        for (amount, seconds) in zip(curve.amounts, curve.seconds) {
          object([
            "section": "growth", "panel": panel.title, "name": curve.name, "axis": panel.axis,
            "amount": "\(amount)", "fastest": "\(seconds)", "exponent": "\(exponent)",
          ])
        }
        continue
      }
      for (amount, seconds) in zip(curve.amounts, curve.seconds) {
        let name = "\(curve.name), \(panel.name(amount))"
        print(
          "  " + name.paddedRight(to: 50)
            + String(format: "%10.2f ms", seconds * 1e3))
      }
      print(
        "  " + "\(curve.name): exponent".paddedRight(to: 50)
          + String(format: "%10.2f", exponent))
    }
    fflush(nil)
  }
}
