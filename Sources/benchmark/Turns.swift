import Files
import Foundation

/// The turns of two programs that measure the same work: each waits while the other one measures.
///
/// How fast a machine is changes with what else it does, by a factor of two on a virtual one. Two
/// programs that take turns every second or so meet the same conditions, so that the ratio of their times
/// in one turn means something. The turns are those of a lock on a file.
struct Turns {
  private let descriptor: Int32?

  /// Takes turns by the lock of a file; without one, never waits.
  ///
  /// - Throws: `Failure` if the file cannot be opened.
  init(lock file: String?) throws(Failure) {
    guard let file else {
      descriptor = nil
      return
    }
    let opened = open(file, O_RDWR | O_CLOEXEC)
    if opened < 0 { throw Failure.reading(file, code: errno) }
    descriptor = opened
  }

  /// Waits for this program's turn, and calls `body`.
  func take<Result>(_ body: () -> Result) -> Result {
    guard let descriptor else { return body() }
    flock(descriptor, LOCK_EX)
    defer {
      flock(descriptor, LOCK_UN)
      // So that the other program, which waits, gets the lock.
      usleep(20_000)
    }
    return body()
  }

  /// The seconds of one run in each of `count` turns: the median of as many runs as fit in `seconds`,
  /// after one to warm up if runs are short, and after two in the first turn.
  func seconds(
    ofRuns body: () -> Void, count: Int, seconds: Double, warmingUp: Bool = true
  ) -> [Double] {
    (0..<count).map { turn in
      take {
        if turn == 0 && warmingUp { body() }
        let first = Timing.once(body)
        if !warmingUp || turn > 0 && first > seconds { return first }
        var times: [Double] = []
        repeat { times.append(Timing.once(body)) } while times.reduce(0, +) < seconds
        return times.median
      }
    }
  }
}
