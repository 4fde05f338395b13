/// What the prose states and what the checks cite, held against each other.
struct Claims {
  /// A claim or an erratum as the prose states it.
  struct Statement: Equatable {
    var id: String
    var line: Int
    var isErratum: Bool
  }

  let source: ChapterSource
  private(set) var statements: [Statement] = []
  private(set) var problems: [Problem] = []

  /// Finds `**Claim 0.12.**` and `**Erratum E-B8.**` in the prose of the chapter numbered `chapter`.
  init(_ source: ChapterSource, chapter: Int) {
    self.source = source
    for case .prose(let lines) in source.chunks {
      var fence = FenceTracker()
      for line in lines where !fence.isInside(line.text) { read(line) }
    }
    validateNumbers(chapter: chapter)
  }

  private mutating func read(_ line: ChapterSource.Line) {
    for (word, isErratum) in [("**Claim ", false), ("**Erratum ", true)] {
      var rest = line.text[...]
      while let start = rest.firstRange(of: word) {
        rest = rest[start.upperBound...]
        guard let end = rest.firstRange(of: ".**") else {
          report(
            line.number, "\(word)… does not end; write \(word)\(isErratum ? "E-B8" : "0.12").**")
          break
        }
        let id = String(rest[..<end.lowerBound])
        statements.append(Statement(id: id, line: line.number, isErratum: isErratum))
        rest = rest[end.upperBound...]
      }
    }
  }

  private mutating func validateNumbers(chapter: Int) {
    var last = 0
    for claim in statements where !claim.isErratum {
      let parts = claim.id.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0] == "\(chapter)", let number = Int(parts[1]), number > 0
      else {
        report(claim.line, "Claim \(claim.id): claims of this chapter are numbered \(chapter).1, …")
        continue
      }
      if number <= last {
        report(
          claim.line, "Claim \(claim.id) comes after Claim \(chapter).\(last); number them upwards")
      }
      last = max(last, number)
    }
    var seen: Set<String> = []
    for erratum in statements where erratum.isErratum {
      if !seen.insert(erratum.id).inserted {
        report(erratum.line, "Erratum \(erratum.id) is stated twice")
      }
    }
  }

  /// Finds claims that no check cites and checks that cite no claim.
  ///
  /// - Parameter lineOf: the line in the source of an event of a sealed transcript.
  mutating func compare(with transcript: Transcript, lineOf: (Event) -> Int?) {
    for statement in statements {
      let isCited = transcript.checks.contains {
        $0.claim == statement.id && ($0.test == .erratum) == statement.isErratum
      }
      if !isCited {
        report(
          statement.line,
          statement.isErratum
            ? "Erratum \(statement.id) is not run; add notebook.erratum(\"\(statement.id)\", …)"
            : "Claim \(statement.id) has no check; add notebook.check(claim: \"\(statement.id)\", …)"
        )
      }
    }
    var complained: Set<String> = []
    for event in transcript.events {
      guard let check = event.check else { continue }
      let isErratum = check.test == .erratum
      let isStated = statements.contains { $0.id == check.claim && $0.isErratum == isErratum }
      guard !isStated, complained.insert(check.claim).inserted else { continue }
      let form = "**\(isErratum ? "Erratum" : "Claim") \(check.claim).**"
      report(
        lineOf(event), "a check cites \(check.claim), which the prose does not state as \(form)")
    }
  }

  private mutating func report(_ line: Int?, _ message: String) {
    problems.append(Problem(source.file, line, message))
  }
}
