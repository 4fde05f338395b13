import Testing
import Weaving

@Suite struct ChapterSourceTests {
  private func problems(_ text: String) -> [String] {
    do {
      _ = try ChapterSource(text, file: "m.swift")
      return []
    } catch {
      return error.list.map(\.description)
    }
  }

  @Test func proseAndCodeAlternate() throws {
    let source = try ChapterSource(
      "//: # T\n//:\n//:  indented\nlet a = 1\n\nlet b = 2\n//:\nlet c = 3\n", file: "m.swift")
    #expect(source.chunks.count == 4)
    guard case .prose(let prose) = source.chunks[0], case .code(let code, _) = source.chunks[1]
    else {
      Issue.record("the first chunks are not prose and code")
      return
    }
    #expect(prose.map(\.text) == ["# T", "", " indented"])
    #expect(code.map(\.text) == ["let a = 1", "", "let b = 2"])
    #expect(code.map(\.number) == [4, 5, 6])
    #expect(source.codeNumbers.prefix(8) == [nil, nil, nil, 1, nil, 2, nil, 3])
    #expect(source.title == "T")
  }

  @Test func headingsInFencedBlocksAreNone() throws {
    let source = try ChapterSource(
      "//: # A\n//: ```\n//: # not\n//: @main\n//: ```\n//: ## B\n//: #c\n", file: "m.swift")
    #expect(source.headings.map(\.text) == ["A", "B"])
    #expect(source.headings.map(\.line) == [1, 6])
  }

  @Test func linesWithCarriageReturnsAreLines() throws {
    let source = try ChapterSource("//: # A\r\nlet a = 1\r\n", file: "m.swift")
    #expect(source.codeLines == ["let a = 1"])
  }

  @Test func hiddenLinesAreKnown() throws {
    let source = try ChapterSource(
      """
      a()  // weave:hide
      b()
      // weave:hide-begin
      c()
      // weave:hide-end
      d()
      """, file: "m.swift")
    #expect(source.isHidden == [true, false, true, true, true, false])
    #expect(source.codeLines == ["a()", "b()", "c()", "d()"])
  }

  @Test(arguments: [
    ("  //: x", "m.swift:1: prose must begin in the first column; move //: to the left"),
    (
      "//: @cod a b",
      "m.swift:1: @cod is no directive (@code, @fold); in prose, set it in backticks"
    ),
    ("//: @code a", "m.swift:1: write //: @code path slice"),
    ("//: @code", "m.swift:1: write //: @code path slice"),
    ("//: @fold\nx()", "m.swift:1: write //: @fold and the words"),
    ("//: @fold Words", "m.swift:1: @fold has no code after it"),
    ("x()  // weave:hid", "m.swift:1: weave:hid is unknown"),
    ("x()\n// weave:hide-begin", "m.swift:2: hiding does not end"),
    ("// weave:hide-end", "m.swift:1: weave:hide-end without a weave:hide-begin"),
    ("n.check(claim: \"1\")  // weave:hide", "m.swift:1: a check must not be hidden"),
    (
      "// weave:hide-begin\nn.erratum()\n// weave:hide-end", "m.swift:2: a check must not be hidden"
    ),
  ])
  func everyMistakeIsNamedWithItsLine(text: String, message: String) {
    let found = problems(text)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix(message) == true, "\(found)")
  }

  @Test func allMistakesAreNamedAtOnce() {
    #expect(problems("//: @x\n//: @y\n").count == 2)
  }

  @Test func theDigestIsThatOfTheCodeAlone() throws {
    func digest(_ text: String, _ others: [String] = []) throws -> String {
      try ChapterSource(text, file: "m.swift").digest(with: others)
    }
    let original = try digest("//: # A\nlet a = 1\nlet b = 2\n")
    #expect(
      try digest("//: # Another\n//: text\n\n  let a = 1  \n// why\nlet b = 2  // weave:hide\n")
        == original)
    #expect(try digest("//: # A\nlet a = 1\nlet b = 3\n") != original)
    #expect(try digest("//: # A\nlet b = 2\nlet a = 1\n") != original)
    #expect(try digest("//: # A\nlet a = 1let b = 2\n") != original)
    let withOther = try digest("//: # A\nlet a = 1\nlet b = 2\n", ["let c = 1\n"])
    #expect(withOther != original)
    #expect(
      try digest("//: # A\nlet a = 1\nlet b = 2\n", ["/// Text.\n  let c = 1\n"]) == withOther)
  }
}
