import Dispatch
import Foundation

/// Whether someone asked this process to stop: `SIGINT` (control-C) or `SIGTERM`.
///
/// Long work looks at `isRequested` between steps, so that it can leave with everything saved. A
/// second signal ends the process at once.
public enum Interruption {
  /// True after the first signal that arrived since `watch()`.
  public static var isRequested: Bool { state.isRequested }

  /// Starts to catch the signals; calling it again changes nothing.
  public static func watch() { state.watch() }

  /// Behaves as if a signal had come, or as if none had.
  public static func set(_ requested: Bool) { state.set(requested) }

  private static let state = State()

  private final class State: @unchecked Sendable {
    private let lock = NSLock()
    private var requested = false
    private var sources: [any DispatchSourceSignal] = []

    var isRequested: Bool { lock.withLock { requested } }

    func set(_ value: Bool) { lock.withLock { requested = value } }

    func watch() {
      lock.withLock {
        guard sources.isEmpty else { return }
        for number in [SIGINT, SIGTERM] {
          signal(number, SIG_IGN)
          let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
          source.setEventHandler { [weak self] in self?.received(number) }
          source.resume()
          sources.append(source)
        }
      }
    }

    private func received(_ number: Int32) {
      if isRequested { _exit(128 + number) }
      set(true)
    }
  }
}
