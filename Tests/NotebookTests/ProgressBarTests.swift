import Synchronization
import Testing

@testable import Notebook

@Suite struct ProgressBarTests {
  final class Clock: Sendable {
    private let time = Mutex(0.0)
    var now: Double { time.withLock { $0 } }
    func advance(_ seconds: Double) { time.withLock { $0 += seconds } }
  }

  let clock = Clock()
  let printed = Printed()

  private func bar(
    total: Int?, unit: ProgressBar.Unit = .steps, isTerminal: Bool = false
  ) -> ProgressBar {
    let clock = clock
    return ProgressBar(
      "work", total: total, unit: unit, isTerminal: isTerminal, clock: { clock.now },
      write: printed.add)
  }

  @Test func shortWorkShowsNothing() {
    let bar = bar(total: 100)
    for _ in 0..<100 {
      clock.advance(0.01)
      bar.advance()
    }
    bar.finish()
    #expect(printed.text == "")
  }

  @Test func aLogGetsPlainLinesFurtherAndFurtherApart() {
    let bar = bar(total: 1000)
    for _ in 0..<1000 {
      clock.advance(1)
      bar.advance(note: "loss 0.5")
    }
    bar.finish()
    #expect(printed.lines[0] == "work   0 %  3 of 1000, 3.0 s, 16 min 37 s left, loss 0.5")
    #expect(printed.lines.count < 40)
    #expect(printed.text.hasSuffix("work: 1000 in 16 min 40 s, loss 0.5\n"))
    #expect(!printed.text.contains("\r"))
  }

  @Test func aTerminalGetsABarThatGoesAway() {
    let bar = bar(total: 4, isTerminal: true)
    clock.advance(1)
    bar.move(to: 1)
    #expect(
      printed.text.hasPrefix("\rwork ██████░░░░░░░░░░░░░░░░░░  25 %  1 of 4, 1.0 s, 3.0 s left"))
    clock.advance(0.05)
    bar.move(to: 2)
    #expect(!printed.text.contains("2 of 4"))
    clock.advance(1)
    bar.finish()
    #expect(printed.text.hasSuffix("\r\u{1b}[K"))
    bar.advance()
    bar.finish()
    #expect(printed.text.hasSuffix("3.0 s left\u{1b}[K\r\u{1b}[K"))
  }

  @Test func bytesAreShownInMegabytes() {
    let bar = bar(total: 170_498_071, unit: .bytes)
    clock.advance(3)
    bar.advance(by: 17_049_808)
    #expect(printed.text == "work  10 %  17.0 MB of 170.5 MB, 3.0 s, 27.0 s left\n")
  }

  @Test func workOfUnknownLengthIsCounted() {
    let bar = bar(total: nil)
    clock.advance(3)
    bar.advance(by: 7)
    #expect(printed.text == "work: 7, 3.0 s\n")
  }

  @Test func moreThanAllIsAll() {
    let bar = bar(total: 2)
    clock.advance(3)
    bar.advance(by: 5)
    #expect(printed.text.hasPrefix("work 100 %"))
  }
}
