import Figures
import Files
import Foundation
import Weaving

extension Chapter {
  /// Draws a figure, writes it and records it.
  ///
  /// Each file is written beside its place and then renamed, so that it is never half there. If one
  /// cannot be written, that is said and the chapter's exit status will be 1.
  /// - Parameters:
  ///   - name: the files' name without extension: small letters, digits and hyphens.
  ///   - formats: the kinds of files; the page shows the first and links to the others.
  ///   - magnification: pixels for each unit of the drawing in a `png`.
  ///   - caption: what to notice, in Markdown with `$…$` mathematics.
  ///   - alternative: what is to be seen, for those who cannot see it; the caption if nil.
  public func figure(
    _ name: String, _ drawing: some Drawable, formats: [FileFormat] = [.svg],
    magnification: Double = 2, caption: String, alternative: String? = nil, line: UInt = #line
  ) {
    // Without its width, a page would show a magnified picture magnified.
    let width = formats.first == .png ? Int(drawing.size.width.rounded()) : nil
    keepFigure(
      name, types: formats.map(\.rawValue), width: width, caption, alternative, line
    ) { try drawing.write(to: $0, magnification: magnification) }
  }

  /// Writes a picture, pixel for pixel, as `png`, and records it.
  public func figure(
    _ name: String, _ picture: Picture, caption: String, alternative: String? = nil,
    line: UInt = #line
  ) {
    keepFigure(name, types: ["png"], width: nil, caption, alternative, line) {
      try picture.write(to: $0)
    }
  }

  /// Writes an animation, as `gif` or as animated `png`, and records it.
  public func figure(
    _ name: String, _ animation: Animation, type: String = "gif", caption: String,
    alternative: String? = nil, line: UInt = #line
  ) {
    keepFigure(name, types: [type], width: nil, caption, alternative, line) {
      try animation.write(to: $0)
    }
  }

  /// Writes a figure by a closure and records it.
  ///
  /// - Parameters:
  ///   - type: the file's extension.
  ///   - write: writes the file to the URL that it is given, or throws.
  public func figure(
    _ name: String, type: String = "svg", caption: String, alternative: String? = nil,
    line: UInt = #line, write: (URL) throws -> Void
  ) {
    keepFigure(name, types: [type], width: nil, caption, alternative, line, write)
  }

  private func keepFigure(
    _ name: String, types: [String], width: Int?, _ caption: String, _ alternative: String?,
    _ line: UInt, _ write: (URL) throws -> Void
  ) {
    guard !name.isEmpty, name.allSatisfy({ "abcdefghijklmnopqrstuvwxyz0123456789-".contains($0) })
    else { fatalError("figure name '\(name)': small letters, digits and hyphens only") }
    var files: [FigureFile] = []
    for type in types {
      let file = "\(name).\(type)"
      do {
        files.append(FigureFile(name: file, digest: try place(file, write)))
      } catch {
        fail("figure '\(name)': \(oneLine(error))")
      }
    }
    guard !files.isEmpty else { return }
    let record = FigureRecord(
      name: name, caption: caption, alternative: alternative ?? MathWords.plain(caption),
      files: files, width: width)
    self.record(.figure(record), line: line)
  }

  /// Writes a file beside its place and renames it; returns the digest of its contents.
  private func place(_ file: String, _ write: (URL) throws -> Void) throws -> String {
    try FileManager.default.createDirectory(at: figuresFolder, withIntermediateDirectories: true)
    let final = figuresFolder.appendingPathComponent(file)
    return try AtomicFile.replace(final.path) { partial in
      do {
        try write(URL(fileURLWithPath: partial))
      } catch {
        // Messages name the file by its final name.
        throw WriteError(description: oneLine(error).replacing(partial, with: final.path))
      }
      var digest = Digest()
      digest.add(bytes: try AtomicFile.read(partial))
      return digest.text
    }
  }

  private struct WriteError: Error, CustomStringConvertible { var description: String }

  /// Where figures go: the folder of `--figures`, or else one under `scratch/figures`, which git
  /// ignores, so that no run of a reader changes the figures of the pages. `swift run course run`
  /// takes figures over to `figures`.
  public var figuresFolder: URL {
    if let folder = options.figures { return URL(fileURLWithPath: folder, isDirectory: true) }
    let root = URL(fileURLWithPath: surroundings.package ?? ".", isDirectory: true)
    let alteration = state.withLock { $0.alteration }.map { "-" + $0 } ?? ""
    return root.appendingPathComponent("scratch/figures/\(name)\(alteration)")
  }

  /// Makes the folder; returns why figures cannot be written, so that this is known before the work
  /// begins.
  var obstacle: Failure? {
    var reason: String?
    do {
      try FileManager.default.createDirectory(
        at: figuresFolder, withIntermediateDirectories: true)
      if unsafe access(figuresFolder.path, W_OK | X_OK) != 0 {
        reason = unsafe String(cString: strerror(errno))
      }
    } catch {
      reason = oneLine(error)
    }
    guard let reason else { return nil }
    return Failure(
      "cannot write figures to \(figuresFolder.path): \(reason)", kind: .unwritable,
      remedy: "choose another folder with --figures")
  }
}
