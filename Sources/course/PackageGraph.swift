/// The targets of `Package.swift` and what each depends on, read from its text.
struct PackageGraph {
  /// A target and the names of its direct dependencies.
  struct Target {
    enum Kind { case systemLibrary, library, chapter, tool, tests }

    let name: String
    let kind: Kind
    let folder: String
    let dependencies: [String]
  }

  /// In the order of the manifest, in which a target follows those that it depends on.
  let targets: [Target]

  /// Reads the calls of the manifest's functions `core`, `light`, `tool`, `chapter` and `tests`, and
  /// the targets that it writes out.
  init(manifest: String) {
    let code = manifest.split(separator: "\n", omittingEmptySubsequences: false)
      .map { line in String(line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line) }
      .joined(separator: "\n")
    var lists: [String: [String]] = [:]
    let constant = /let (\w+): \[Target\.Dependency\] = \[([^\]]*)\]/
    for match in code.matches(of: constant) { lists[String(match.1)] = Self.names(match.2) }

    let call =
      /\b(core|light|tool|chapter|tests)\(\s*"([\w-]+)",\s*((?:\[[^\]]*\]|\w+)(?:\s*\+\s*(?:\[[^\]]*\]|\w+))*)/
    let written =
      /\.(target|executableTarget|systemLibrary)\(\s*name: "([\w-]+)"(?:, dependencies: \[([^\]]*)\])?(?:,\s*path: "([^"]*)")?/
    var found: [(String.Index, Target)] = []
    for match in code.matches(of: call) {
      let dependencies = Self.sum(match.3, lists)
      let target = Self.target(String(match.1), String(match.2), dependencies)
      found.append((match.range.lowerBound, target))
    }
    for match in code.matches(of: written) {
      let name = String(match.2)
      let folder = match.4.map(String.init) ?? "Sources/\(name)"
      let kind: Target.Kind =
        match.1 == "systemLibrary" ? .systemLibrary : folder.hasPrefix("Tests") ? .tests : .library
      let target = Target(
        name: name, kind: kind, folder: folder, dependencies: match.3.map(Self.names) ?? [])
      found.append((match.range.lowerBound, target))
    }
    targets = found.sorted { $0.0 < $1.0 }.map(\.1)
  }

  /// The targets that `name` depends on, directly or not.
  func reachable(from name: String) -> Set<String> {
    var result: Set<String> = [], open = [name]
    while let next = open.popLast() {
      let direct = targets.first { $0.name == next }?.dependencies ?? []
      for dependency in direct where result.insert(dependency).inserted { open.append(dependency) }
    }
    return result
  }

  private static func target(_ function: String, _ name: String, _ given: [String]) -> Target {
    switch function {
    case "chapter":
      return Target(
        name: "chapter-\(name)", kind: .chapter, folder: "Chapters/\(name)",
        dependencies: ["Notebook", "Figures"] + given)
    case "tool":
      return Target(
        name: name, kind: .tool, folder: "Sources/\(name)",
        dependencies: given + ["ArgumentParser"])
    case "tests":
      return Target(
        name: name, kind: .tests, folder: "Tests/\(name)", dependencies: given + ["TestSupport"])
    default:
      return Target(name: name, kind: .library, folder: "Sources/\(name)", dependencies: given)
    }
  }

  /// The names in a sum of lists, some of which are constants.
  private static func sum(_ text: Substring, _ lists: [String: [String]]) -> [String] {
    text.matches(of: /\[([^\]]*)\]|(\w+)/).flatMap { match in
      if let list = match.1 { return names(list) }
      return lists[String(match.2 ?? "")] ?? []
    }
  }

  private static func names(_ list: Substring) -> [String] {
    list.split(separator: ",").map { item in
      let name = item.filter { !$0.isWhitespace && $0 != "\"" }
      return name == "argumentParser" ? "ArgumentParser" : name
    }.filter { !$0.isEmpty }
  }
}
