import Files
import Foundation
import TestSupport
import Testing

@Suite struct CSVTableTests {
  @Test func aWrittenTableIsReadAgain() throws {
    try withTemporaryFolder { folder in
      var table = CSVTable(notes: ["made by hand"], columns: ["set", "psnr", "count"])
      table.append(["psnr": 27.123456789, "count": 12_345_678], words: ["set": "test"])
      table.append(["psnr": .infinity], words: ["set": "none"])
      try table.write(to: "\(folder)/r.csv")
      let text = try String(contentsOfFile: "\(folder)/r.csv", encoding: .utf8)
      #expect(text == "# made by hand\nset,psnr,count\ntest,27.1235,12345678\nnone,,\n")
      let again = try CSVTable(reading: "\(folder)/r.csv")
      #expect(again.notes == table.notes && again.columns == table.columns)
      #expect(again.row("set", "test") == ["psnr": 27.1235, "count": 12_345_678])
      #expect(again.rows("set", "test") == [again.row("set", "test")])
      #expect(again["psnr"][1].isNaN && again.words[1] == ["set": "none"])
    }
  }

  @Test func aRowThatDoesNotFitIsAnErrorOrLeftOut() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/r.csv"
      try Data("step,loss\n1,0.5\n2".utf8).write(to: URL(filePath: path))
      let error = #expect(throws: Failure.self) { try CSVTable(reading: path) }
      #expect(error?.description.contains("a row of 1 cells under 2 columns") == true)
      #expect(
        try CSVTable(reading: path, skipsIncompleteRows: true).rows == [["step": 1, "loss": 0.5]])
    }
  }
}
