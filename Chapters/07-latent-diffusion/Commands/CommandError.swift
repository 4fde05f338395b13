/// What is wrong with an option, and what to do about it, in one line.
struct CommandError: Error, CustomStringConvertible {
  let description: String

  init(_ problem: String, remedy: String) { description = "\(problem); \(remedy)" }
}
