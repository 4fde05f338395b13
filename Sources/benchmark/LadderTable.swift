import Foundation
import Weaving

/// The table of the ladder, printed line by line.
struct LadderTable {
  let report: Report
  private var first: Double?
  private var before: Double?
  private var count = 0

  /// Prints the heading.
  init(report: Report, problem: ConvolutionProblem) {
    self.report = report
    guard !report.asJSON else { return }
    print(
      "a 3x3 convolution of \(problem.batch) images of \(problem.height)x\(problem.width), "
        + "\(problem.inputs) to \(problem.outputs) channels, weights \(problem.weight.shape); "
        + "one thread except in the last line")
    print("'of peak' is the share of the speed of a large OpenBLAS product on as many threads\n")
    print(
      "   " + "technique".paddedRight(to: 42)
        + " GFLOP/s  x before   x first  of peak  difference")
  }

  /// Prints a rung.
  ///
  /// - Parameters:
  ///   - difference: the largest relative difference from the definition.
  ///   - peak: a large matrix product on as many threads.
  mutating func add(_ row: Row, difference: Double, threads: Int, peak: Row) {
    let speed = row.fastestSpeed
    let factors = (before: speed / (before ?? speed), first: speed / (first ?? speed))
    let share = speed / peak.fastestSpeed
    first = first ?? speed
    before = speed
    count += 1
    guard !report.asJSON else {
      return report.object([
        "section": "ladder", "rung": "\(count)", "name": row.name, "threads": "\(threads)",
        "seconds": "\(row.timing.median)", "fastest": "\(row.timing.fastest)",
        "runs": "\(row.timing.times.count)", "gflops": "\(speed)",
        "factor_before": "\(factors.before)", "factor_first": "\(factors.first)",
        "share_of_peak": "\(share)", "difference": "\(difference)",
      ])
    }
    let name = row.name.paddedRight(to: 42)
    print(
      "\(count)  " + name
        + String(
          format: "%8.1f %9.2f %9.1f %6.0f %%  %10.1e", speed, factors.before, factors.first,
          share * 100, difference))
    fflush(nil)
  }
}

extension Row {
  /// GFLOP/s of the definition in the fastest run.
  var fastestSpeed: Double { 2e-9 * Double(multiplyAdds) / timing.fastest }
}
