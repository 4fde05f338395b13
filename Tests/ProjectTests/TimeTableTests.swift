import Testing

@testable import course

/// The table of times at the end of `course run`.
@Suite struct TimeTableTests {
  @Test func timesAreAlignedAndAdded() {
    var table = TimeTable()
    table.add("00-forward-process", seconds: 7.24)
    table.add("01-elbo", seconds: 1234.5)
    table.add("02-noise-prediction", seconds: nil)
    #expect(
      table.lines == [
        "chapter              seconds",
        "00-forward-process       7.2",
        "01-elbo               1234.5",
        "02-noise-prediction   failed",
        "total                 1241.7",
      ])
  }

  @Test func oneChapterHasNoTable() {
    var table = TimeTable()
    #expect(table.lines.isEmpty)
    table.add("00-forward-process", seconds: 1)
    #expect(table.lines.isEmpty)
  }
}
