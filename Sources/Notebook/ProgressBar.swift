import Foundation
import Synchronization
import Weaving

/// How far long work has come, on standard error: a bar where that is a terminal, and otherwise a
/// plain line now and then.
///
/// Work that takes less than a third of a second shows nothing.
public final class ProgressBar: Sendable {
  /// What is counted.
  public enum Unit: Sendable { case steps, bytes }

  struct State: Sendable {
    var done = 0
    var note = ""
    var lastShown: Double?
    var isFinished = false
  }

  let label: String
  let total: Int?
  let unit: Unit
  private let isTerminal: Bool
  private let clock: @Sendable () -> Double
  private let write: @Sendable (String) -> Void
  private let start: Double
  private let state = Mutex(State())

  /// Begins to count.
  /// - Parameters:
  ///   - label: what is being done.
  ///   - total: how much there is to do; nil if that is unknown.
  public convenience init(_ label: String, total: Int?, unit: Unit = .steps) {
    let origin = ContinuousClock.now
    self.init(
      label, total: total, unit: unit, isTerminal: isatty(2) == 1,
      clock: { (ContinuousClock.now - origin) / .seconds(1) }, write: { writeAll($0, to: 2) })
  }

  init(
    _ label: String, total: Int?, unit: Unit, isTerminal: Bool,
    clock: @escaping @Sendable () -> Double, write: @escaping @Sendable (String) -> Void
  ) {
    self.label = label
    self.total = total
    self.unit = unit
    self.isTerminal = isTerminal
    self.clock = clock
    self.write = write
    start = clock()
  }

  /// Counts `steps` more; `note` is shown behind the bar, such as the present loss.
  public func advance(by steps: Int = 1, note: String? = nil) {
    update {
      $0.done += steps
    } note: {
      note
    }
  }

  /// Counts `done` in all.
  public func move(to done: Int, note: String? = nil) {
    update {
      $0.done = done
    } note: {
      note
    }
  }

  private func update(_ change: (inout State) -> Void, note: () -> String?) {
    let now = clock() - start
    let line = state.withLock { state -> String? in
      change(&state)
      if let note = note() { state.note = note }
      guard !state.isFinished, isDue(state, now) else { return nil }
      state.lastShown = now
      return text(state, now)
    }
    if let line { show(line) }
  }

  // A terminal is redrawn ten times a second; a log gets its first line after two seconds, and then
  // lines further and further apart.
  private func isDue(_ state: State, _ now: Double) -> Bool {
    guard let last = state.lastShown else { return now > (isTerminal ? 0.3 : 2) }
    return now - last > (isTerminal ? 0.1 : max(5, 0.2 * last))
  }

  /// Ends the count: takes the bar off the terminal, or writes a last line if there was one before.
  public func finish(note: String? = nil) {
    let now = clock() - start
    let line = state.withLock { state -> String? in
      guard !state.isFinished else { return nil }
      state.isFinished = true
      if let note { state.note = note }
      guard state.lastShown != nil else { return nil }
      let ending = state.note.isEmpty ? "" : ", " + state.note
      return "\(label): \(amount(state.done)) in \(NumberText.duration(now))\(ending)"
    }
    guard let line else { return }
    write(isTerminal ? "\r\u{1b}[K" : line + "\n")
  }

  private func show(_ line: String) {
    write(isTerminal ? "\r" + line.prefix(Self.terminalWidth - 1) + "\u{1b}[K" : line + "\n")
  }

  private func text(_ state: State, _ now: Double) -> String {
    var parts: [String] = []
    guard let total, total > 0 else {
      parts = [amount(state.done), NumberText.duration(now)]
      if !state.note.isEmpty { parts.append(state.note) }
      return "\(label): " + parts.joined(separator: ", ")
    }
    let share = min(1, max(0, Double(state.done) / Double(total)))
    parts = ["\(amount(state.done)) of \(amount(total))", NumberText.duration(now)]
    if share > 0, share < 1 {
      parts.append(NumberText.duration(now * (1 - share) / share) + " left")
    }
    if !state.note.isEmpty { parts.append(state.note) }
    let percent = "\(Int(100 * share)) %".paddedLeft(to: 5)
    let bar = isTerminal ? " " + Self.bar(share) : ""
    return "\(label)\(bar) \(percent)  " + parts.joined(separator: ", ")
  }

  private func amount(_ count: Int) -> String {
    guard unit == .bytes else { return String(count) }
    return NumberText.fixed(Double(count) / 1e6, decimals: 1) + " MB"
  }

  private static func bar(_ share: Double, width: Int = 24) -> String {
    let full = Int(share * Double(width))
    return String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
  }

  private static var terminalWidth: Int {
    var size = winsize()
    guard unsafe ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 80 }
    return Int(size.ws_col)
  }
}

extension Chapter {
  /// Shows how far a loop has come: `for step in notebook.progress("sampling", 0..<1000) { … }`.
  public func progress<Elements: Collection>(
    _ label: String, _ elements: Elements
  ) -> some Sequence<Elements.Element> {
    let bar = ProgressBar(label, total: elements.count)
    var iterator = elements.makeIterator()
    var hasBegun = false
    return AnyIterator {
      if hasBegun { bar.advance() }
      hasBegun = true
      guard let element = iterator.next() else {
        bar.finish()
        return nil
      }
      return element
    }
  }
}
