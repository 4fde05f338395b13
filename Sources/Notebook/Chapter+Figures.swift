import Foundation
import Weaving

extension Chapter {
  /// Writes a figure and records it.
  ///
  /// The file is written beside its place and then renamed, so that it is never half there. If it
  /// cannot be written, that is said and the chapter's exit status will be 1.
  /// - Parameters:
  ///   - name: the file's name without its extension: small letters, digits and hyphens.
  ///   - type: the file's extension.
  ///   - caption: what to notice, in Markdown with `$…$` mathematics.
  ///   - alternative: what is to be seen, for those who cannot see it; the caption if nil.
  ///   - write: writes the file to the URL that it is given.
  public func figure(
    _ name: String, type: String = "svg", caption: String, alternative: String? = nil,
    line: UInt = #line, write: (URL) throws -> Void
  ) {
    figure(
      name, types: [type], caption: caption, alternative: alternative, line: line
    ) { url, _ in try write(url) }
  }

  func figure(
    _ name: String, types: [String], caption: String, alternative: String?, line: UInt,
    write: (URL, String) throws -> Void
  ) {
    guard !name.isEmpty, name.allSatisfy({ "abcdefghijklmnopqrstuvwxyz0123456789-".contains($0) })
    else { fatalError("figure name '\(name)': small letters, digits and hyphens only") }
    var files: [FigureFile] = []
    for type in types {
      let file = "\(name).\(type)"
      do {
        let digest = try place(file) { try write($0, type) }
        files.append(FigureFile(name: file, digest: digest))
      } catch {
        fail("figure '\(name)': \(oneLine(error))")
      }
    }
    guard !files.isEmpty else { return }
    let record = FigureRecord(
      name: name, caption: caption, alternative: alternative ?? MathWords.plain(caption),
      files: files)
    self.record(.figure(record), line: line)
  }

  /// Writes a file beside its place and renames it; returns the digest of its contents.
  private func place(_ file: String, _ write: (URL) throws -> Void) throws -> String {
    try FileManager.default.createDirectory(at: figuresFolder, withIntermediateDirectories: true)
    let final = figuresFolder.appendingPathComponent(file)
    let partial = figuresFolder.appendingPathComponent(".partial-\(getpid())-\(file)")
    defer { unlink(partial.path) }
    do {
      try write(partial)
    } catch {
      throw WriteError(description: oneLine(error).replacing(partial.path, with: final.path))
    }
    var digest = Digest()
    digest.add(bytes: try Data(contentsOf: partial))
    guard rename(partial.path, final.path) == 0 else {
      throw WriteError(description: "cannot write \(final.path): " + String(cString: strerror(errno)))
    }
    return digest.text
  }

  private struct WriteError: Error, CustomStringConvertible { var description: String }

  // A quick run, or one with another seed, must not replace the figures of the page.
  static func figuresFolder(
    _ name: String, _ options: NotebookOptions, _ package: String?
  ) -> URL {
    if let folder = options.figures { return URL(fileURLWithPath: folder, isDirectory: true) }
    let root = URL(fileURLWithPath: package ?? ".", isDirectory: true)
    let isOfPage = !options.quick && options.seed == 0
    return root.appendingPathComponent((isOfPage ? "figures/" : "scratch/figures/") + name)
  }

  /// Makes the folder; returns why figures cannot be written, so that this is known before the work
  /// begins.
  var obstacle: String? {
    var reason: String?
    do {
      try FileManager.default.createDirectory(
        at: figuresFolder, withIntermediateDirectories: true)
      if access(figuresFolder.path, W_OK | X_OK) != 0 { reason = String(cString: strerror(errno)) }
    } catch {
      reason = oneLine(error)
    }
    guard let reason else { return nil }
    return "cannot write figures to \(figuresFolder.path): \(reason); "
      + "choose another folder with --figures"
  }
}
