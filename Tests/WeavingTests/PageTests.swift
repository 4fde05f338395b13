import Testing

@testable import Weaving

@Suite struct PageTests {
  private static func check(_ claim: String, _ passed: Bool = true) -> CheckRecord {
    var record = CheckRecord(claim: claim, statement: "s", test: .equals, passed: passed)
    record.computed = 1
    record.expected = 1
    record.difference = 0
    record.tolerance = 0
    return record
  }

  static let surroundings = PageSurroundings(
    number: 4, command: "chapter-04-x", figures: "../../figures/04-x",
    previous: .init(title: "Three", folder: "03-w"), next: .init(title: "Five", folder: "05-y")
  ) { path in
    path == "Sources/A.swift"
      ? "// snippet.s\n    if a {\n      b\n    }\n// snippet.end\n// snippet.t\nx\n// snippet.empty\n\n// snippet.end\n// snippet.d\n1\n// snippet.end\n// snippet.d\n2\n// snippet.end\n// snippet.open\n3"
      : nil
  }

  /// Weaves `text`; the events' lines are those of `text`, counted from one.
  private func page(_ text: String, _ events: [(Int, Event.Content)]) throws(Problems) -> String {
    let source = try ChapterSource(text, file: "m.swift")
    var transcript = Transcript(chapter: "04-x", seed: 0, isQuick: false)
    transcript.events = events.map { Event(line: $0.0, content: $0.1) }
    return try weave(source, try transcript.sealed(with: source), Self.surroundings)
  }

  private func problems(_ text: String, _ events: [(Int, Event.Content)]) -> [String] {
    do {
      _ = try page(text, events)
      return []
    } catch {
      return error.list.map(\.description)
    }
  }

  private func value(_ label: String) -> Event.Content {
    .value(ValueRecord(label: label, number: 1))
  }

  @Test func outputsStandAfterTheCodeThatMadeThem() throws {
    let text = "//: # T\na()\nb()\n//: middle\nc()\n//: last\n"
    let page = try page(text, [(3, value("b")), (5, value("c")), (2, value("a again"))])
    let places = ["a()\nb()\n```", "b        1\na again  1", "middle", "c()", "c  1", "last"].map {
      page.firstRange(of: $0)?.lowerBound
    }
    #expect(!places.contains(nil))
    #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
  }

  @Test func inferredClaimsFollowTheProse() throws {
    var record = Self.check("4.1")
    record.isClaimInferred = true
    let text = "//: # T\n//: **Claim 4.3.** was 4.1\na()\n"
    #expect(try page(text, [(3, .check(record))]).contains("4.3"))
    #expect(
      problems("//: # T\na()\n", [(2, .check(record))]) == [
        "m.swift:2: a check stands above the first claim; state what it checks, as **Claim 0.12.**"
      ])
  }

  @Test func editsOfProseDoNotMoveOutputs() throws {
    let source = try ChapterSource("//: # T\na()\n//: m\nb()\n", file: "m.swift")
    var transcript = Transcript(chapter: "04-x", seed: 0, isQuick: false)
    transcript.events = [
      Event(line: 2, content: value("first")), Event(line: 4, content: value("second")),
    ]
    let sealed = try transcript.sealed(with: source)
    let edited = try ChapterSource(
      "//: # T\n//: more\n\n//: text\na()\n\n//: m\n// why\nb()\n", file: "m.swift")
    #expect(edited.digest() == sealed.digest)
    let page = try weave(edited, sealed, Self.surroundings)
    let first = try #require(page.firstRange(of: "first  1"))
    let middle = try #require(page.firstRange(of: "\nm\n"))
    let second = try #require(page.firstRange(of: "second  1"))
    #expect(first.upperBound < middle.lowerBound)
    #expect(middle.upperBound < second.lowerBound)
  }

  @Test func figuresHaveNumbersCaptionsAndWordsForThoseWhoCannotSee() throws {
    func figure(_ name: String) -> Event.Content {
      .figure(
        FigureRecord(
          name: name, caption: "Notice $x_t$.", alternative: "a [curve] <b>",
          files: [
            FigureFile(name: "\(name).svg", digest: ""),
            FigureFile(name: "\(name).pdf", digest: ""),
          ]))
    }
    let page = try page("//: # T\na()\n", [(2, figure("one")), (2, figure("two"))])
    #expect(page.contains("![a \\[curve\\] &lt;b&gt;](../../figures/04-x/one.svg)"))
    #expect(page.contains("**Figure 4.1.** Notice $`x_t`$. [pdf](../../figures/04-x/one.pdf)"))
    #expect(page.contains("**Figure 4.2.** Notice"))
  }

  @Test func magnifiedPicturesKeepTheirWidth() {
    #expect(
      MarkdownText.image("f.png", "a \"b\" <c>", width: 300)
        == "<img src=\"f.png\" width=\"300\" alt=\"a &quot;b&quot; &lt;c>\">")
  }

  @Test func hiddenLinesAreNotShownAndFoldedOnesAreUnderASummary() throws {
    let page = try page(
      "//: # T\nimport A  // weave:hide\n\na()\n\nb()  // weave:hide\n\nc()\n//: @fold More <here>\nd()\n//: text\ne()  // weave:hide\n",
      [(12, value("hidden but shown"))])
    #expect(!page.contains("import A"))
    #expect(page.contains("```swift\na()\n\nc()\n```"))
    #expect(
      page.contains(
        "<details><summary>More &lt;here&gt;</summary>\n\n```swift\nd()\n```\n\n</details>"))
    #expect(page.contains("text\n\n```text\nhidden but shown  1\n```"))
  }

  @Test func libraryCodeIsPulledInAndMovedLeft() throws {
    let page = try page("//: # T\n//: @code Sources/A.swift s\n//: after\n", [])
    #expect(
      page.contains(
        "From [`Sources/A.swift`](../../Sources/A.swift):\n\n```swift\nif a {\n  b\n}\n```\n\nafter"
      ))
  }

  @Test(arguments: [
    ("Sources/B.swift s", "there is no file Sources/B.swift"),
    ("Sources/A.swift nothing", "Sources/A.swift: has no line // snippet.nothing"),
    ("Sources/A.swift empty", "Sources/A.swift:8: snippet.empty is empty"),
    ("Sources/A.swift d", "Sources/A.swift:14: a second // snippet.d"),
    ("Sources/A.swift open", "Sources/A.swift:17: snippet.open does not end"),
  ])
  func codeThatIsNotThereIsAnError(directive: String, message: String) {
    #expect(
      problems("//: # T\n//: @code \(directive)\n", []) == ["m.swift:2: @code: \(message)"]
        || problems("//: # T\n//: @code \(directive)\n", []).first?.hasPrefix(
          "m.swift:2: @code: \(message)") == true
    )
  }

  @Test func plainTextIsShownAsItIs() {
    #expect(
      MarkdownText.escaped("a|b*c_d`e$f<g>&[h]~\\")
        == #"a\|b\*c\_d\`e<span>$</span>f&lt;g&gt;&amp;\[h\]\~\\"#)
    #expect(MarkdownText.fenced("", ["a", "````"]).first == "`````")
  }

  @Test func thePageLeadsToItsNeighbors() throws {
    let page = try page("//: # T\na()\n", [])
    let navigation =
      "[← Three](../03-w/README.md) · [All chapters](../../README.md) · [Five →](../05-y/README.md)"
    #expect(page.components(separatedBy: navigation).count == 3)
    #expect(page.contains("swift run chapter-04-x"))
    #expect(page.contains("0 checks passed, 0 failed"))
  }

  // MARK: - Claims

  @Test func aClaimWithoutACheckIsAnError() {
    let found = problems(
      "//: # T\n//: **Claim 4.1.** x\n//: **Claim 4.2.** y\na()\n", [(4, .check(Self.check("4.2")))]
    )
    #expect(found == ["m.swift:2: Claim 4.1 has no check; add notebook.check(…) below it"])
  }

  @Test func aCheckWithoutAClaimIsAnError() {
    let found = problems(
      "//: # T\na()\n//: **Claim 4.1.** x\nb()\n",
      [
        (2, .check(Self.check("4.7"))), (2, .check(Self.check("4.7"))),
        (4, .check(Self.check("4.1"))),
      ])
    #expect(
      found == ["m.swift:2: a check cites 4.7, which the prose does not state as **Claim 4.7.**"])
  }

  @Test func errataAreStatedAndRun() {
    var erratum = Self.check("E-B8")
    erratum.test = .erratum
    let text = "//: # T\n//: **Erratum E-B8.** x\na()\n"
    #expect(problems(text, [(3, .check(erratum))]) == [])
    #expect(problems(text, []).first?.hasPrefix("m.swift:2: Erratum E-B8 is not run") == true)
    #expect(
      problems("//: # T\na()\n", [(2, .check(erratum))]).first?.contains("**Erratum E-B8.**")
        == true)
    #expect(problems(text, [(3, .check(Self.check("E-B8")))]).count == 2)
  }

  @Test(arguments: [
    ("**Claim 3.1.**", "claims of this chapter are numbered 4.1"),
    ("**Claim 4.**", "claims of this chapter are numbered 4.1"),
    ("**Claim 4.0.**", "claims of this chapter are numbered 4.1"),
    ("**Claim 4.1** x", "does not end; write **Claim 0.12.**"),
    ("**Claim 4.2.** **Claim 4.1.**", "Claim 4.1 comes after Claim 4.2"),
    ("**Claim 4.1.** **Claim 4.1.**", "Claim 4.1 comes after Claim 4.1"),
    ("**Erratum E.** **Erratum E.**", "Erratum E is stated twice"),
  ])
  func claimsAreNumberedUpwards(text: String, message: String) {
    let found = problems("//: # T\n//: \(text)\na()\n", [])
    #expect(found.contains { $0.hasPrefix("m.swift:2: ") && $0.contains(message) }, "\(found)")
  }

  @Test func claimsInCodeAreNone() {
    #expect(problems("//: # T\n//: ```\n//: **Claim 4.1.**\n//: ```\na()\n", []) == [])
  }

  @Test func aHiddenCheckIsFoundByWhatItRecorded() {
    let found = problems(
      "//: # T\n//: **Claim 4.1.** x\nmyCheck()  // weave:hide\n", [(3, .check(Self.check("4.1")))])
    #expect(found == ["m.swift:3: a check must not be hidden; remove // weave:hide"])
  }

  @Test func aChapterHasOneTitle() {
    #expect(
      problems("a()\n", []) == ["m.swift:1: the chapter has no title; begin it with //: # Title"])
    #expect(
      problems("//: # A\n//: # B\na()\n", []) == [
        "m.swift:2: a second title; sections begin with ##"
      ])
  }

  @Test func problemsComeInTheOrderOfLines() {
    let found = problems("//: # T\n//: $x\n//: **Claim 4.1.**\n//: # U\n", [])
    #expect(found.map { $0.prefix(9) } == ["m.swift:2", "m.swift:3", "m.swift:4"])
  }

  @Test func anOutputOfNoCodeIsAnError() throws {
    let source = try ChapterSource("//: # T\na()\n", file: "m.swift")
    var transcript = Transcript(chapter: "04-x", seed: 0, isQuick: false)
    transcript.events = [Event(line: 1, content: value("v"))]
    #expect(throws: Problems.self) { try transcript.sealed(with: source) }
    transcript.events = [Event(line: 9, content: value("v"))]
    #expect(throws: Problems.self) { try transcript.sealed(with: source) }
    #expect(throws: Problems.self) { try weave(source, transcript, Self.surroundings) }
  }

  @Test func aFailedCheckShowsWhereTheNumbersPart() throws {
    var record = Self.check("4.1", false)
    record.computed = 0.123456789
    record.expected = 0.123456788
    #expect(record.computedWords == "0.123456789")
    record.passed = true
    #expect(record.computedWords == "0.123457")
  }
}
