import Files
import Foundation
import Weaving

/// The time from starting each chapter that is built to its first line of output; says on standard
/// error which are not built.
func measureStartup() -> [Row] {
  let folder = Course.programFile.deletingLastPathComponent()
  let course: Course
  do {
    course = try Course.ofProgram()
  } catch {
    Console.complain("startup: \(error)")
    return []
  }
  let (built, missing) = split(course.chapters.map(\.product)) {
    FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent($0).path)
  }
  if !missing.isEmpty {
    Console.complain("startup: not built: \(missing.joined(separator: ", ")); run: swift build")
  }
  return built.compactMap { product in
    let times = (0..<9).compactMap { _ in
      timeToFirstLine(of: folder.appendingPathComponent(product))
    }
    guard !times.isEmpty else {
      Console.complain("startup: \(product) printed nothing")
      return nil
    }
    return Row(name: "\(product), first line", timing: Timing(times: times.sorted()))
  }
}

/// Splits names into those for which `condition` holds and the others.
private func split(
  _ names: [String], _ condition: (String) -> Bool
) -> (holding: [String], others: [String]) {
  (names.filter(condition), names.filter { !condition($0) })
}

private func timeToFirstLine(of program: URL) -> Double? {
  let start = Timing.clock()
  var time: Double?
  let arguments = [program.path, "--quick", "--figures", NSTemporaryDirectory()]
  _ = try? Subprocess.run(arguments, mergingErrors: true, atMost: 1) { _ in
    time = Timing.clock() - start
  }
  return time
}
