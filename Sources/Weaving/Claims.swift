/// A claim or an erratum as the prose of a chapter states it.
public struct ClaimStatement: Equatable, Sendable {
  /// The number of a claim, such as `0.12`, or the name of an erratum, such as `E-B8`.
  public var id: String
  /// The line of the source.
  public var line: Int
  public var isErratum: Bool
}

extension [ClaimStatement] {
  /// The number of the last claim above a line of the source, which a check there belongs to; nil
  /// if there is none.
  public func id(above line: Int) -> String? { last { !$0.isErratum && $0.line < line }?.id }
}

extension ChapterSource {
  /// The claims and errata that the prose states, in order.
  public var statements: [ClaimStatement] { readStatements().0 }

  /// Finds `**Claim 0.12.**` and `**Erratum E-B8.**` in the prose.
  func readStatements() -> ([ClaimStatement], problems: [Problem]) {
    var (found, problems) = ([ClaimStatement](), [Problem]())
    for case .prose(let lines) in chunks {
      var fence = FenceTracker()
      for line in lines where !fence.isInside(line.text) { read(line, &found, &problems) }
    }
    return (found, problems)
  }

  private func read(_ line: Line, _ found: inout [ClaimStatement], _ problems: inout [Problem]) {
    for (word, isErratum) in [("**Claim ", false), ("**Erratum ", true)] {
      var rest = line.text[...]
      while let start = rest.firstRange(of: word) {
        rest = rest[start.upperBound...]
        guard let end = rest.firstRange(of: ".**") else {
          let form = "\(word)\(isErratum ? "E-B8" : "0.12").**"
          problems.append(Problem(file, line.number, "\(word)… does not end; write \(form)"))
          break
        }
        let id = String(rest[..<end.lowerBound])
        found.append(ClaimStatement(id: id, line: line.number, isErratum: isErratum))
        rest = rest[end.upperBound...]
      }
    }
  }
}

extension Transcript {
  /// The sealed transcript with the checks that belong to the claim above them numbered as `source`
  /// numbers it now, so that claims can be renumbered without running the chapter again.
  func numbered(by source: ChapterSource) -> Transcript {
    var lines: [Int: Int] = [:]
    for (index, number) in source.codeNumbers.enumerated() {
      if let number { lines[number] = index + 1 }
    }
    let statements = source.statements
    var result = self
    for index in events.indices {
      guard var check = events[index].check, check.isClaimInferred == true,
        let line = lines[events[index].line]
      else { continue }
      check.claim = statements.id(above: line) ?? CheckRecord.noClaim
      result.events[index].content = .check(check)
    }
    return result
  }
}

/// What the prose states and what the checks cite, held against each other.
struct Claims {
  let source: ChapterSource
  private(set) var statements: [ClaimStatement] = []
  private(set) var problems: [Problem] = []

  /// Reads the claims of the chapter numbered `chapter`.
  init(_ source: ChapterSource, chapter: Int) {
    self.source = source
    (statements, problems) = source.readStatements()
    validateNumbers(chapter: chapter)
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
            : "Claim \(statement.id) has no check; add notebook.check(…) below it"
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
        lineOf(event),
        check.claim == CheckRecord.noClaim
          ? "a check stands above the first claim; state what it checks, as **Claim 0.12.**"
          : "a check cites \(check.claim), which the prose does not state as \(form)")
    }
  }

  private mutating func report(_ line: Int?, _ message: String) {
    problems.append(Problem(source.file, line, message))
  }
}
