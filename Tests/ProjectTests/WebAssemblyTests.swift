import Foundation
import TestSupport
import Testing

/// Probability and Diffusion compile for WebAssembly, as Embedded Swift without an operating
/// system: so a page can run the course's own code.
@Suite(.serialized) struct WebAssemblyTests {
  @Test func parallelismProbabilityAndDiffusionCompileForWebAssembly() throws {
    guard let compiler = Tool.path("swiftc") else {
      print("swiftc is not found: nothing is compiled for WebAssembly.")
      return
    }
    try withTemporaryFolder { folder in
      for module in ["Parallelism", "Probability", "Diffusion"] {
        let files = try Project.files(under: "Sources/\(module)", endingWith: [".swift"])
          .map { Project.root.appending(path: $0.path).path }
        let result = try Tool.run(
          compiler,
          Self.flags + [
            "-module-name", module, "-I", folder, "-emit-module", "-emit-module-path",
            "\(folder)/\(module).swiftmodule", "-o", "\(folder)/\(module).o",
          ] + files)
        #expect(result.status == 0, "\(module):\n\(result.text)")
      }
    }
  }

  @Test func linearScheduleFitsInAKilobyteOfWebAssembly() throws {
    guard let compiler = Tool.path("swiftc"), let linker = Tool.path("wasm-ld") else {
      print("swiftc or wasm-ld is not found: no schedule is compiled for WebAssembly.")
      return
    }
    try withTemporaryFolder { folder in
      let (source, object, linked) = (
        "\(folder)/schedule.swift", "\(folder)/schedule.o", "\(folder)/schedule.wasm"
      )
      try Self.schedule.write(toFile: source, atomically: true, encoding: .utf8)
      let compiled = try Tool.run(
        compiler, Self.flags + ["-module-name", "Schedule", "-o", object, source])
      try #require(compiled.status == 0, "\(compiled.text)")
      let linking = try Tool.run(
        linker,
        ["--no-entry", "--export=alphaBar", "--gc-sections", "--strip-all", object, "-o", linked])
      try #require(linking.status == 0, "\(linking.text)")
      #expect(try Data(contentsOf: URL(filePath: linked)).count < 1024)
      try Self.expectTheLastAlphaBar(of: linked)
    }
  }

  /// $\bar\alpha_{1000}$ of the linear schedule, computed by the module in a JavaScript engine.
  private static func expectTheLastAlphaBar(of module: String) throws {
    guard let node = Tool.path("node") else {
      print("node is not found: the schedule is compiled for WebAssembly, but not run.")
      return
    }
    let script = """
      const bytes = require("fs").readFileSync(process.argv[1]);
      WebAssembly.instantiate(bytes).then(
        m => console.log(m.instance.exports.alphaBar(1000)));
      """
    let result = try Tool.run(node, ["-e", script, module])
    let value = Double(result.text.trimmingCharacters(in: .whitespacesAndNewlines))
    #expect(abs((value ?? .nan) - 4.0358e-5) < 1e-9, "\(result.text)")
  }

  private static let flags = [
    "-target", "wasm32-unknown-none-wasm", "-enable-experimental-feature", "Embedded",
    "-enable-experimental-feature", "Extern", "-wmo", "-Osize", "-parse-as-library",
    "-swift-version", "6", "-c",
  ]

  private static let schedule = """
    struct LinearSchedule {
      var steps = 1000
      var first = 1e-4
      var last = 0.02

      func beta(_ t: Int) -> Double {
        first + (last - first) * Double(t - 1) / Double(steps - 1)
      }

      func alphaBar(_ t: Int) -> Double {
        var (kept, s) = (1.0, 1)
        while s <= t {
          kept *= 1 - beta(s)
          s += 1
        }
        return kept
      }
    }

    @_expose(wasm, "alphaBar") @_cdecl("alphaBar")
    public func alphaBar(_ t: Int32) -> Double { LinearSchedule().alphaBar(Int(t)) }
    """
}
