import Files
import Foundation
import Testing

@Suite struct SubprocessTests {
  @Test func outputAndErrorsAreCollectedApart() throws {
    let outcome = try Subprocess.outcome(
      of: ["sh", "-c", "echo one; echo two >&2; echo; echo three >&2; cat; exit 3"])
    #expect(outcome.status == 3)
    #expect(outcome.output == "one\n\n")
    #expect(outcome.errors == "two\nthree\n")
    #expect(outcome.lastError == "three")
  }

  /// More than a pipe holds on both at once, which blocks a reader of one after the other.
  @Test func muchOutputDoesNotBlock() throws {
    let script =
      "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; "
      + "echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done"
    var calls = 0
    let outcome = try Subprocess.outcome(of: ["sh", "-c", script]) { calls += 1 }
    #expect(outcome.status == 0 && calls > 0)
    #expect(outcome.output.utf8.count == 3000 * 41 && outcome.errors.utf8.count == 3000 * 41)
  }

  @Test func linesArePassedOnAsTheyCome() throws {
    var lines: [String] = []
    let status = try Subprocess.run(
      ["sh", "-c", "printf 'a\\nb\\n'; echo c >&2; printf d"], mergingErrors: true
    ) { lines.append($0) }
    #expect(status == 0 && lines == ["a", "b", "c", "d"])
  }

  /// Also where this program ignores the signal, as while it trains.
  @Test func aProgramIsEndedAfterItsLines() throws {
    let before = signal(SIGTERM, SIG_IGN)
    defer { signal(SIGTERM, before) }
    var lines: [String] = []
    let status = try Subprocess.run(["yes"], atMost: 2) { lines.append($0) }
    #expect(lines == ["y", "y"])
    // Ended by SIGTERM, or by SIGPIPE once nobody reads.
    #expect([128 + 15, 128 + 13].contains(status))
  }

  @Test func aMissingProgramIsNamedWithItsRemedy() {
    for (program, remedy) in [
      ("no-such-program", "install it: sudo apt-get install -y no-such-program"),
      ("/no/such/program", "check that it exists and is executable"),
    ] {
      let error = #expect(throws: Failure.self) { try Subprocess.outcome(of: [program]) }
      #expect(error?.kind == .missingTool && error?.subject == program)
      #expect(error?.remedy == remedy)
    }
  }
}
