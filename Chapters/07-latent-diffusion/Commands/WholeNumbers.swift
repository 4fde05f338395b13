import ArgumentParser
import Files

/// Whole numbers as an option's value: `32,64,128`.
struct WholeNumbers: ExpressibleByArgument, Sendable, Equatable {
  let values: [Int]

  init(_ values: [Int]) { self.values = values }

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0) }
    guard !numbers.isEmpty, numbers.count == parts.count else { return nil }
    values = numbers
  }
}

/// Refuses an option that is not above 0.
func checkPositive(_ option: String, _ value: Int?) throws {
  guard let value, value <= 0 else { return }
  throw Failure("\(option) is \(value)", remedy: "give 1 or more")
}

/// Refuses channels that do not divide into groups, whose number is fixed or set by an option.
func checkSizes(
  _ name: String, _ channels: WholeNumbers?, groups: Int, option: String?
) throws {
  if let option { try checkPositive(option, groups) }
  for value in channels?.values ?? [] {
    try checkPositive(name, value)
    guard value % groups == 0 else {
      throw Failure(
        "\(name) has \(value) channels, which do not divide into \(groups) groups",
        remedy: "give multiples of \(groups)"
          + (option.map { ", or other groups with \($0)" } ?? ""))
    }
  }
}
