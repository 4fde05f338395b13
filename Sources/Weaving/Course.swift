import Files
import Foundation

/// The course on disk: a package with a folder of chapters and a folder of figures.
public struct Course: Sendable {
  /// The package's folder.
  public let root: URL
  /// The chapters by number.
  public let chapters: [CourseChapter]

  /// Reads which chapters there are.
  ///
  /// - Throws: `Problems` if two have one number.
  public init(root: URL) throws(Problems) {
    self.root = root
    let folder = root.appendingPathComponent("Chapters")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    chapters = names.sorted().compactMap { CourseChapter(root: root, name: $0) }
    for (first, second) in zip(chapters, chapters.dropFirst()) where first.number == second.number {
      throw Problems("Chapters/\(second.name)", message: "has the number of \(first.name)")
    }
  }

  /// Finds the course that one of `places`, or a folder above it, is in.
  ///
  /// - Throws: `Problems` with the folders that were searched.
  public static func find(from places: [URL]) throws(Problems) -> Course {
    for place in places {
      var folder = place.standardizedFileURL.resolvingSymlinksInPath()
      while true {
        if isCourse(folder) { return try Course(root: folder) }
        if folder.path == "/" { break }
        folder.deleteLastPathComponent()
      }
    }
    let looked = places.map(\.path).joined(separator: " or ")
    throw Problems(
      "Package.swift",
      message:
        "not found, with a folder Chapters, in or above \(looked); run inside the course's folder")
  }

  /// The file of the running program.
  public static var programFile: URL {
    let path = Bundle.main.executablePath ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: path).resolvingSymlinksInPath()
  }

  /// Finds the course that the running program was built in, or else that of the current folder.
  ///
  /// - Throws: `Problems` with the folders that were searched.
  public static func ofProgram() throws(Problems) -> Course {
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    return try find(from: [programFile.deletingLastPathComponent(), here])
  }

  private static func isCourse(_ folder: URL) -> Bool {
    let files = FileManager.default
    var isFolder: ObjCBool = false
    return unsafe files.fileExists(atPath: folder.appendingPathComponent("Package.swift").path)
      && files.fileExists(
        atPath: folder.appendingPathComponent("Chapters").path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// The chapter that `name` means: a number (`0`, `00`) or a folder's name.
  ///
  /// - Throws: `Problems` that lists the chapters there are.
  public func chapter(_ name: String) throws(Problems) -> CourseChapter {
    if let chapter = chapters.first(where: { $0.name == name || $0.product == name }) {
      return chapter
    }
    if let number = Int(name), let chapter = chapters.first(where: { $0.number == number }) {
      return chapter
    }
    let known = chapters.map { twoDigits($0.number) }.joined(separator: ", ")
    throw Problems("Chapters", message: "no chapter '\(name)'; there are \(known)")
  }

  // MARK: - Pages

  /// Weaves the page of a chapter from its source and its transcript.
  public func page(of chapter: CourseChapter) throws(Problems) -> String {
    let source = try chapter.source()
    return try weave(source, try transcript(of: chapter), surroundings(of: chapter))
  }

  /// Reads a chapter's transcript and makes sure that it is of the chapter's present code.
  public func transcript(of chapter: CourseChapter) throws(Problems) -> Transcript {
    let path = chapter.path("transcript.json")
    let rerun = "run: swift run course run \(twoDigits(chapter.number))"
    guard let json = chapter.text("transcript.json") else {
      throw Problems(path, message: "is missing; \(rerun)")
    }
    let transcript = try Transcript(json: json, file: path)
    let source = try chapter.source()
    guard transcript.digest == source.digest(with: chapter.otherSources) else {
      throw Problems(path, message: "is of other code than main.swift; \(rerun)")
    }
    guard !transcript.isQuick else {
      throw Problems(path, message: "is of a quick run; \(rerun)")
    }
    return transcript.numbered(by: source)
  }

  private func surroundings(of chapter: CourseChapter) -> PageSurroundings {
    let root = root
    let index = chapters.firstIndex { $0.number == chapter.number } ?? 0
    return PageSurroundings(
      number: chapter.number, command: chapter.product, figures: "../../figures/\(chapter.name)",
      previous: index > 0 ? neighbor(chapters[index - 1]) : nil,
      next: index + 1 < chapters.count ? neighbor(chapters[index + 1]) : nil,
      read: { try? String(contentsOf: root.appendingPathComponent($0), encoding: .utf8) })
  }

  private func neighbor(_ chapter: CourseChapter) -> PageSurroundings.Neighbor {
    .init(title: chapter.title, folder: chapter.name)
  }

  /// Weaves the page of a chapter and writes it, if it is not there already; returns whether it was
  /// written.
  public func writePage(of chapter: CourseChapter) throws(Problems) -> Bool {
    let page = try page(of: chapter)
    if chapter.text("README.md") == page { return false }
    do {
      try Data(page.utf8).write(to: chapter.url("README.md"), options: .atomic)
    } catch {
      let reason = error.localizedDescription
      throw Problems(chapter.path("README.md"), message: "cannot be written: \(reason)")
    }
    return true
  }

  // MARK: - Freshness

  /// What is not fresh, for every chapter: transcripts of other code, failed checks, pages that are
  /// not woven from them, figures that are missing, changed or left over. Runs nothing.
  public func problems() -> [Problem] {
    chapters.flatMap { problems(of: $0) } + strayFolders()
  }

  /// What is not fresh in one chapter.
  public func problems(of chapter: CourseChapter) -> [Problem] {
    let number = twoDigits(chapter.number)
    do {
      let transcript = try transcript(of: chapter)
      var found = failures(transcript, chapter)
      found += figureProblems(transcript, chapter)
      let page = try page(of: chapter)
      if chapter.text("README.md") != page {
        let state = chapter.text("README.md") == nil ? "is missing" : "is not woven from main.swift"
        found.append(
          Problem(chapter.path("README.md"), "\(state); run: swift run course weave \(number)"))
      }
      return found
    } catch {
      return error.list
    }
  }

  private func failures(_ transcript: Transcript, _ chapter: CourseChapter) -> [Problem] {
    transcript.checks.filter { !$0.passed }.map {
      Problem(chapter.path("transcript.json"), "\($0.claim), \($0.statement): the check failed")
    }
  }

  private func figureProblems(_ transcript: Transcript, _ chapter: CourseChapter) -> [Problem] {
    let rerun = "run: swift run course run \(twoDigits(chapter.number))"
    var found: [Problem] = []
    for file in transcript.figures.flatMap(\.files) {
      let path = "figures/\(chapter.name)/\(file.name)"
      guard let data = try? Data(contentsOf: root.appendingPathComponent(path)) else {
        found.append(Problem(path, "is missing; \(rerun)"))
        continue
      }
      var digest = Digest()
      digest.add(bytes: data)
      if digest.text != file.digest {
        found.append(Problem(path, "is not the figure of the transcript; \(rerun)"))
      }
    }
    return found
      + strayFigures(of: chapter, transcript).map {
        Problem(
          "figures/\(chapter.name)/\($0.lastPathComponent)", "is drawn by no chapter; remove it")
      }
  }

  /// The files among a chapter's figures that its transcript does not name.
  public func strayFigures(of chapter: CourseChapter, _ transcript: Transcript) -> [URL] {
    let expected = Set(transcript.figures.flatMap(\.files).map(\.name))
    return chapter.figureFiles.filter { !expected.contains($0) }
      .map { chapter.figures.appendingPathComponent($0) }
  }

  /// Folders of figures whose chapter is gone.
  private func strayFolders() -> [Problem] {
    let folder = root.appendingPathComponent("figures").path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().filter { name in
      name.prefix(2).allSatisfy(\.isNumber) && !chapters.contains { $0.name == name }
    }.map { Problem("figures/\($0)", "is drawn by no chapter; remove it") }
  }
}
