import CProcessor
import Files
import Foundation
import Parallelism
import Tensors

/// Prints results, as a table for people or as one JSON object a line.
struct Report {
  let asJSON: Bool

  /// Prints what was run where.
  ///
  /// - Parameter more: other programs and their versions.
  func header(_ more: [(key: String, text: String)] = []) {
    let kernels = unsafe String(cString: processor_blas_kernels())
    let model = Processor.name ?? "unknown processor"
    #if DEBUG
      let configuration = "debug"
    #else
      let configuration = "release"
    #endif
    if asJSON {
      let own = [
        "processor": model, "threads": "\(Parallel.threadCount)", "openblas": kernels,
        "configuration": configuration,
      ]
      object(own.merging(more.map { ($0.key, $0.text) }) { first, _ in first })
    } else {
      let words = [
        model, "\(Parallel.threadCount) threads", "OpenBLAS kernels: \(kernels)",
        "\(configuration) build",
      ]
      print((words + more.map(\.text)).joined(separator: ", "))
    }
    fflush(nil)
  }

  func peak(_ row: Row) {
    rows("peak", [row], peak: nil)
    if !asJSON {
      print("  (the share of this matrix product's speed is the column 'of peak' below;")
      print("   Winograd's algorithm spends fewer operations than it is credited with)")
    }
  }

  func network(_ rows: [Row], peak: Row) { self.rows("network", rows, peak: peak) }

  func rows(_ section: String, _ rows: [Row], peak: Row?) {
    if !asJSON { print("\n\(section)") }
    for row in rows {
      let seconds = row.timing.median
      let speed = 2e-9 * Double(row.multiplyAdds) / seconds
      let share = peak.map {
        speed / (2e-9 * Double($0.multiplyAdds) / $0.timing.median)
      }
      if asJSON {
        var fields = ["section": section, "name": row.name, "seconds": "\(seconds)"]
        fields["fastest"] = "\(row.timing.fastest)"
        fields["runs"] = "\(row.timing.times.count)"
        if row.images > 0 { fields["images_per_second"] = "\(Double(row.images) / seconds)" }
        if row.multiplyAdds > 0 { fields["gflops"] = "\(speed)" }
        if let share, row.multiplyAdds > 0 { fields["share_of_peak"] = "\(share)" }
        if let memory = row.memory { fields["peak_memory_mib"] = "\(memory)" }
        object(fields)
      } else {
        var line = "  " + row.name.padding(toLength: 44, withPad: " ", startingAt: 0)
        line += String(format: "%10.3f ms", seconds * 1e3)
        line +=
          row.images > 0
          ? String(format: " %9.1f images/s", Double(row.images) / seconds)
          : String(repeating: " ", count: 19)
        if row.multiplyAdds > 0 { line += String(format: " %7.0f GFLOP/s", speed) }
        if let share, row.multiplyAdds > 0 {
          line += String(format: " %5.0f %% of peak", share * 100)
        }
        if let memory = row.memory { line += String(format: " %6.0f MiB", memory) }
        print(line)
      }
    }
    fflush(nil)
  }

  /// Prints one JSON object.
  func object(_ fields: [String: String]) {
    let body = fields.sorted { $0.key < $1.key }.map { key, value in
      let isNumber = Double(value) != nil
      let text = value.replacingOccurrences(of: "\"", with: "'")
      return "\"\(key)\": " + (isNumber ? text : "\"\(text)\"")
    }
    print("{" + body.joined(separator: ", ") + "}")
    fflush(nil)
  }
}
