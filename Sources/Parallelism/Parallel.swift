#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

#if !hasFeature(Embedded)
  import CParallelism
  import Synchronization
#endif

/// Parallel loops over processor cores.
///
/// Every kernel divides its work into pieces that do not depend on the number of threads, and adds
/// partial sums in a fixed order, so results do not depend on the number of threads. Embedded Swift has
/// no threads: there the caller's thread runs all pieces.
public enum Parallel {
  #if hasFeature(Embedded)
    /// Calls `body` with each of `0..<pieces`.
    public static func forEach(_ pieces: Int, _ body: (Int) -> Void) {
      for piece in 0..<pieces { body(piece) }
    }
  #else
    /// The number of threads that kernels may use; all cores unless the environment variable
    /// `DIFFUSION_THREADS` gives another number.
    public static var threadCount: Int {
      get { setting.load(ordering: .relaxed) }
      set { setting.store(max(1, newValue), ordering: .relaxed) }
    }

    private static let setting = unsafe Atomic<Int>(
      max(
        1,
        getenv("DIFFUSION_THREADS").flatMap { unsafe Int(String(cString: $0)) }
          ?? Int(parallelism_available_cores())))

    /// Calls `body` with each of `0..<pieces`, on several threads, and returns when all are done.
    ///
    /// Pieces may run in any order and at the same time, so each must write to different memory.
    public static func forEach(_ pieces: Int, _ body: (Int) -> Void) {
      if pieces <= 1 || threadCount == 1 {
        for piece in 0..<pieces { body(piece) }
        return
      }
      let isDone = withoutActuallyEscaping(body) { escaping in
        unsafe withUnsafePointer(to: escaping) { body in
          unsafe ThreadPool.shared.run(pieces: pieces, helpers: min(pieces, threadCount) - 1, body)
        }
      }
      if !isDone { for piece in 0..<pieces { body(piece) } }
    }
  #endif

  /// Returns the results of `body` for each of `0..<count`, in this order; `forEach` calls it.
  public static func map<Result>(_ count: Int, _ body: (Int) -> Result) -> [Result] {
    var results = [Result?](repeating: nil, count: count)
    unsafe results.withUnsafeMutableBufferPointer { buffer in
      guard let place = buffer.baseAddress else { return }
      forEach(count) { unsafe place[$0] = body($0) }
    }
    return results.map { $0! }
  }

  /// Calls `body` with ranges that tile `0..<count`, each of `grain` elements or the rest.
  @inlinable
  public static func forRanges(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    let pieces = (count + grain - 1) / grain
    forEach(pieces) { piece in body(piece * grain..<min(count, (piece + 1) * grain)) }
  }
}
