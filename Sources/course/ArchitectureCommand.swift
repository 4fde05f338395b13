import ArgumentParser
import Figures
import Files
import Foundation

/// Draws the modules of the package and what each is built on.
struct Architecture: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draws the modules of Package.swift and their dependencies.",
    discussion: "Writes figures/architecture.svg, or the file that --output names.")

  /// The figure's place in the package.
  static let file = "figures/architecture.svg"

  @Option(help: "The file to write; a name in .png gives an image.") var output: String?

  func run() throws {
    let root = try Console.course().root
    let manifest = try String(
      contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let figure = ArchitectureFigure(PackageGraph(manifest: manifest))
    let url = output.map { URL(fileURLWithPath: $0) } ?? root.appendingPathComponent(Self.file)
    try figure.write(to: url)
    if url.pathExtension == "svg" {
      let drawing = try String(contentsOf: url, encoding: .utf8)
      try AtomicFile.write(
        Data(Self.describing(drawing, as: figure.description).utf8), to: url.path)
    }
    Console.say(url.path)
  }

  /// Adds the figure's content in words, for readers who do not see it and for the tests.
  static func describing(_ drawing: String, as text: String) -> String {
    guard let start = drawing.range(of: "<svg"),
      let end = drawing[start.upperBound...].firstIndex(of: ">")
    else { return drawing }
    var result = drawing
    result.insert(contentsOf: "\n<desc>\(text)</desc>", at: drawing.index(after: end))
    return result
  }
}
