import Foundation

/// The times of repeated runs of one piece of work.
struct Timing {
  /// Seconds per run, in ascending order.
  let times: [Double]
  var median: Double { times.median }
  var fastest: Double { times[0] }

  /// Runs `body` twice to warm up, and then until `seconds` have passed and at least three times.
  static func of(_ body: () -> Void, seconds: Double) -> Timing {
    body()
    body()
    var times: [Double] = []
    var spent = 0.0
    while spent < seconds || times.count < 3 {
      times.append(once(body))
      spent += times.last!
    }
    return Timing(times: times.sorted())
  }

  /// The seconds of one run.
  static func once(_ body: () -> Void) -> Double {
    let start = clock()
    body()
    return clock() - start
  }

  /// Whether the clock measures the processor time of this thread instead of the elapsed time. With one
  /// thread the results are then comparable even while other programs run.
  nonisolated(unsafe) static var countsProcessorTime = false

  /// Seconds on a monotonic clock.
  static func clock() -> Double {
    var time = timespec()
    unsafe clock_gettime(countsProcessorTime ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

extension [Double] {
  /// The middle of the values, or the mean of the two in the middle.
  var median: Double {
    let sorted = sorted(), middle = count / 2
    return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

/// The peak memory of the process since `resetPeak`, in MiB, as the operating system measures it.
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
  /// Multiply-adds of one run, by the definition of the operation; 0 if not applicable.
  var multiplyAdds = 0
  /// Images of one run; 0 if not applicable.
  var images = 0
  /// Peak memory in MiB; nil if not measured.
  var memory: Double?
}
