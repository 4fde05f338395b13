extension Transcript {
  /// Ties the record of a run to the code that ran: adds the digest of the code, and counts the lines
  /// of events among the lines of code, so that later edits of prose do not move them.
  ///
  /// - Parameters:
  ///   - source: the chapter's main source file, as it was compiled.
  ///   - others: the texts of its other source files.
  /// - Throws: `Problems` if an event comes from no line of code.
  public func sealed(with source: ChapterSource, others: [String] = []) throws(Problems)
    -> Transcript
  {
    var result = self
    result.digest = source.digest(with: others)
    for index in events.indices {
      let line = events[index].line
      guard source.codeNumbers.indices.contains(line - 1), let number = source.codeNumbers[line - 1]
      else {
        throw Problems(
          source.file, line, message: "an output was recorded here, but this is no line of code")
      }
      result.events[index].line = number
    }
    return result
  }
}
