import Files
import Foundation
import Weaving

extension Chapter {
  /// Makes this the run of an altered chapter, such as one with a mistake put in on purpose.
  ///
  /// What belongs to the chapter's page is left alone: figures go to a folder of their own under
  /// `scratch/figures`, and no transcript is written. At the end stands once more which checks
  /// failed. To be called before anything is computed.
  /// - Parameters:
  ///   - name: small letters, digits and hyphens.
  ///   - description: what is different, in one line.
  /// - Throws: If the options ask for a transcript, for figures among those of the pages, or for a
  ///   folder that cannot be written.
  public func alter(as name: String, _ description: String) throws {
    if options.record != nil {
      throw Failure("a run with '\(name)' is not that of the page", remedy: "leave out --record")
    }
    if let folder = options.figures, isOfPages(folder) {
      throw Failure(
        "a run with '\(name)' must not replace the figures of the pages",
        remedy: "choose another folder with --figures or leave it out")
    }
    state.withLock { $0.alteration = name }
    if let obstacle { throw obstacle }
    if options.json {
      emit(#"{"event":"alteration","name":\#(json(name)),"summary":\#(json(description))}"#)
    } else {
      emit(paint("With a mistake on purpose, \(name): \(description).", .bold))
    }
  }

  private func isOfPages(_ folder: String) -> Bool {
    let pages = (surroundings.package ?? ".") + "/figures"
    let (chosen, kept) = (resolved(folder), resolved(pages))
    return chosen == kept || chosen.hasPrefix(kept + "/")
  }

  private func resolved(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
  }

  /// Prints once more which checks failed, and by how much they miss.
  func printFailures(_ failed: [CheckRecord], _ name: String) {
    if failed.isEmpty {
      emit("\n" + paint("No check notices \(name).", .red))
      return
    }
    let claims = failed.map(\.claim).reduce(into: [String]()) { claims, claim in
      if !claims.contains(claim) { claims.append(claim) }
    }
    emit("\n" + paint("What \(name) breaks: claims \(claims.joined(separator: ", "))", .bold))
    for record in failed { for line in lines(record) { emit("  " + line) } }
  }
}
