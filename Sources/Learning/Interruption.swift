import Dispatch
import Foundation

/// Requests to stop this process: the signals `SIGINT` (control-C) and `SIGTERM`.
///
/// Long computations check `isRequested` between steps and save their state before they stop. A second
/// signal terminates the process immediately.
public enum Interruption {
  /// Whether a signal has arrived since `watch()`.
  public static var isRequested: Bool { state.isRequested }

  /// Starts to handle the signals; further calls have no effect.
  public static func watch() { state.watch() }

  /// Sets `isRequested`, for tests.
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
