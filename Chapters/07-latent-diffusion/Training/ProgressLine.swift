import Foundation

/// Says on standard error how far long work is: one line that is rewritten on a terminal, a plain
/// line now and then elsewhere.
final class ProgressLine {
  private let isTerminal = isatty(2) == 1
  private var lastShown = ContinuousClock.now - .seconds(3600)
  private var shownWidth = 0

  /// Shows the share that is done, 0 to 1, and what there is to say.
  func update(_ share: Double, _ text: String) {
    let now = ContinuousClock.now
    guard now - lastShown > .seconds(isTerminal ? 0.2 : 15) else { return }
    lastShown = now
    let percent = "\(Int(100 * share))%"
    let padded = String(repeating: " ", count: max(0, 4 - percent.count)) + percent
    write(isTerminal ? "\r\(padded) \(bar(share)) \(text)" : "\(padded) \(text)\n")
  }

  /// Leaves the line.
  func end() {
    if isTerminal, shownWidth > 0 { write("\n") }
    shownWidth = 0
  }

  private func bar(_ share: Double) -> String {
    let full = Int((20 * min(1, max(0, share))).rounded())
    return String(repeating: "█", count: full) + String(repeating: "░", count: 20 - full)
  }

  private func write(_ text: String) {
    let rest = max(0, shownWidth - text.count)
    shownWidth = text.count
    let padding = isTerminal ? String(repeating: " ", count: rest) : ""
    FileHandle.standardError.write(Data((text + padding).utf8))
  }
}
