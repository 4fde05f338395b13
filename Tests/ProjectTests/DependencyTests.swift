import Foundation
import Testing

@testable import course

/// `Package.swift` states what each target imports, no more and no less.
@Suite struct DependencyTests {
  // Linked without being imported: programs that tests run, and what every test target is given.
  private static let linkedOnly: Set<String> = ["sample-chapter", "course", "TestSupport"]

  @Test func everyTargetDeclaresExactlyWhatItImports() throws {
    let graph = try PackageGraph(manifest: Project.file("Package.swift").text)
    let ours = Set(graph.targets.map(\.name) + ["ArgumentParser"])
    var differences: [String] = []
    for target in graph.targets where target.kind != .systemLibrary {
      let imported = try imports(of: target).intersection(ours)
      let declared = target.dependencies.filter {
        !Self.linkedOnly.contains($0) && !$0.hasPrefix("chapter-")
      }
      let missing = imported.subtracting(target.dependencies).sorted()
      let unused = Set(declared).subtracting(imported).sorted()
      if !missing.isEmpty { differences.append("\(target.name) imports undeclared \(missing)") }
      if !unused.isEmpty { differences.append("\(target.name) declares unused \(unused)") }
    }
    #expect(differences.isEmpty, "\n\(differences.joined(separator: "\n"))")
  }

  @Test func noModuleDependsOnItself() throws {
    let graph = try PackageGraph(manifest: Project.file("Package.swift").text)
    for target in graph.targets {
      #expect(!graph.reachable(from: target.name).contains(target.name), "\(target.name)")
    }
  }

  private func imports(of target: PackageGraph.Target) throws -> Set<String> {
    let pattern =
      /^\s*(?:@\w+(?:\(\w+\))?\s+|public\s+|internal\s+)*import\s+(?:struct\s+|func\s+)?(\w+)/
    var result: Set<String> = []
    for file in try Project.files(under: target.folder, endingWith: [".swift"]) {
      for line in file.lines {
        if let match = line.firstMatch(of: pattern) { result.insert(String(match.1)) }
      }
    }
    return result
  }
}
