import Foundation

/// How work is spread over processor cores.
///
/// Every kernel cuts its work into pieces that do not depend on the number of threads, and adds
/// partial sums in a fixed order; so results are the same with one thread and with many.
public enum Parallel {
  /// The number of threads that kernels may use; all cores unless `DIFFUSION_THREADS` says otherwise.
  public static var threadCount: Int {
    get { setting.value }
    set { setting.value = max(1, newValue) }
  }

  private final class Setting: @unchecked Sendable {
    var value: Int
    init() {
      let asked = ProcessInfo.processInfo.environment["DIFFUSION_THREADS"].flatMap { Int($0) }
      value = max(1, asked ?? ProcessInfo.processInfo.activeProcessorCount)
    }
  }

  private static let setting = Setting()

  /// Calls `body` with each of `0..<pieces`, on several threads, and returns when all are done.
  ///
  /// Pieces may run in any order and at once, so each must write to places of its own.
  public static func forEach(_ pieces: Int, _ body: (Int) -> Void) {
    if pieces <= 1 || threadCount == 1 {
      for piece in 0..<pieces { body(piece) }
      return
    }
    let isDone = withoutActuallyEscaping(body) { escaping in
      withUnsafePointer(to: escaping) { body in
        ThreadPool.shared.run(pieces: pieces, helpers: min(pieces, threadCount) - 1, body)
      }
    }
    if !isDone { for piece in 0..<pieces { body(piece) } }
  }

  /// Calls `body` with ranges that tile `0..<count`, each of `grain` elements or the rest.
  @inlinable
  public static func forRanges(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    let pieces = (count + grain - 1) / grain
    forEach(pieces) { piece in body(piece * grain..<min(count, (piece + 1) * grain)) }
  }
}
