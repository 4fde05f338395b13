import ArgumentParser

/// Several values as one option's value, with commas between: `32,64,128`.
struct CommaList<Element: LosslessStringConvertible & Equatable & Sendable>:
  ExpressibleByArgument, CustomStringConvertible, Equatable, Sendable
{
  let values: [Element]

  init(_ values: [Element]) { self.values = values }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { Element(String($0)) }
    guard !argument.isEmpty, values.count == parts.count else { return nil }
  }

  var description: String { values.map(\.description).joined(separator: ",") }
}

/// Integers, as in `32,64,128`.
typealias IntegerList = CommaList<Int>

/// Numbers, as in `0,1,1.5`.
typealias NumberList = CommaList<Double>

/// Ranges of timesteps, as in `1-1000,1-600`.
typealias TimestepRanges = CommaList<TimestepRange>

/// The timesteps of the forward process from one to another: `1-600`.
struct TimestepRange: LosslessStringConvertible, ExpressibleByArgument, Equatable, Sendable {
  let steps: ClosedRange<Int>

  init(_ steps: ClosedRange<Int>) { self.steps = steps }

  init?(_ description: String) {
    let ends = description.split(separator: "-", omittingEmptySubsequences: false)
      .map { Int($0) ?? 0 }
    guard ends.count == 2, 1 <= ends[0], ends[0] <= ends[1] else { return nil }
    steps = ends[0]...ends[1]
  }

  var description: String { "\(steps.lowerBound)-\(steps.upperBound)" }
}
