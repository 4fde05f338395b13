import Foundation

/// A line on standard error that shows what a program is doing, if somebody watches.
public enum TerminalStatus {
  /// Whether standard error is a terminal.
  public static let isShown = isatty(2) == 1

  /// Shows a text, which takes the place of the one before.
  public static func show(_ text: String) {
    guard isShown else { return }
    FileHandle.standardError.write(Data("\r\(text.prefix(100))\u{1b}[K".utf8))
  }

  /// Takes the text away.
  public static func clear() { show("") }
}
