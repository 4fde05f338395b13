import Foundation

/// The times of repeated runs of one piece of work.
struct Timing {
  /// Seconds a run, sorted.
  let times: [Double]
  var median: Double { times[times.count / 2] }
  var fastest: Double { times[0] }

  /// Runs `body` twice to warm up and then until `seconds` are spent, at least three times.
  static func of(_ body: () -> Void, seconds: Double) -> Timing {
    body()
    body()
    var times: [Double] = []
    var spent = 0.0
    while spent < seconds || times.count < 3 {
      let start = clock()
      body()
      times.append(clock() - start)
      spent += times.last!
    }
    return Timing(times: times.sorted())
  }

  /// Whether the clock counts the time that this thread has run, not the time that passes. With one
  /// thread that tells kernels apart even while other programs run.
  nonisolated(unsafe) static var countsProcessorTime = false

  /// Seconds on a clock that never goes back.
  static func clock() -> Double {
    var time = timespec()
    clock_gettime(countsProcessorTime ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// The most memory that the process has held since `resetPeak`, in MiB, as the kernel counts it.
enum Memory {
  static func resetPeak() {
    if let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") {
      try? file.write(contentsOf: Data("5".utf8))
    }
  }

  static var peak: Double {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
      return .nan
    }
    for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      let number = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
      return (number.flatMap { Double($0) } ?? .nan) / 1024
    }
    return .nan
  }
}

/// One line of results.
struct Row {
  let name: String
  let timing: Timing
  /// Multiply-adds of one run, by the definition of what is computed; 0 where it means nothing.
  var multiplyAdds = 0
  /// Images of one run; 0 where it means nothing.
  var images = 0
  /// Peak memory in MiB, where it was measured.
  var memory: Double?
}
