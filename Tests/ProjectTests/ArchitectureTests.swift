import Foundation
import Testing

@testable import course

/// The figure of the architecture is that of the manifest.
@Suite struct ArchitectureTests {
  @Test func drawnTargetsAndArrowsAreThoseOfTheManifest() throws {
    let graph = try PackageGraph(manifest: Project.file("Package.swift").text)
    let figure = ArchitectureFigure(graph)
    let committed = try Project.file(Architecture.file).text
    #expect(
      committed.contains("<desc>\(figure.description)</desc>"),
      "\(Architecture.file) is not that of Package.swift: swift run course architecture")
  }

  @Test func everyModuleIsDrawnAndNoArrowIsImpliedByOthers() throws {
    let graph = try PackageGraph(manifest: Project.file("Package.swift").text)
    let figure = ArchitectureFigure(graph)
    for target in graph.targets where [.library, .tool, .systemLibrary].contains(target.kind) {
      guard target.folder.hasPrefix("Sources") else { continue }
      #expect(figure.arrows[target.name] != nil, "\(target.name)")
    }
    #expect(figure.arrows["Networks"] == ["Autodiff", "Files"])
  }
}
