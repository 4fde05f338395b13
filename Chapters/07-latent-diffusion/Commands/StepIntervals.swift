import ArgumentParser

/// Steps of the forward process from one to another, as an option's value: `1-600`.
struct StepInterval: ExpressibleByArgument, Sendable, Equatable {
  let steps: ClosedRange<Int>

  init?(argument: String) {
    let ends = argument.split(separator: "-", omittingEmptySubsequences: false)
    let numbers = ends.compactMap { Int($0) }
    guard ends.count == 2, numbers.count == 2, 1 <= numbers[0], numbers[0] <= numbers[1] else {
      return nil
    }
    steps = numbers[0]...numbers[1]
  }
}

/// Several of them: `1-1000,1-600`.
struct StepIntervals: ExpressibleByArgument, Sendable, Equatable {
  let values: [ClosedRange<Int>]

  init(_ values: [ClosedRange<Int>]) { self.values = values }

  var defaultValueDescription: String {
    values.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
  }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { StepInterval(argument: String($0))?.steps }
    guard !values.isEmpty, values.count == parts.count else { return nil }
  }
}

/// Where in the chain to guide, for every command that draws.
struct GuidanceInterval: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The steps t at which to guide, as in 1-600; at the others s is 1. Otherwise all.",
      valueName: "from-to"))
  var guidedSteps: StepInterval?
}
