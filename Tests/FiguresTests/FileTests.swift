import Foundation
import Testing

@testable import Figures

@Test(arguments: Gallery.all.map(\.name))
func redrawingGivesTheSameBytes(_ name: String) throws {
  let drawing = try #require(Gallery.all.first { $0.name == name }?.drawing)
  for format in FileFormat.allCases {
    let first = try drawing.rendered(as: format)
    let second = try drawing.rendered(as: format)
    #expect(first == second, "\(format)")
    #expect(first.count > 1000)
  }
  // To look at the drawings: FIGURES_GALLERY=/tmp/gallery swift test --filter FiguresTests
  if let folder = ProcessInfo.processInfo.environment["FIGURES_GALLERY"] {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for format in FileFormat.allCases {
      try drawing.write(to: URL(fileURLWithPath: "\(folder)/\(name).\(format)"))
    }
  }
}
