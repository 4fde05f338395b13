import CCairo
import Files
import Foundation

/// Something with a natural size that can be drawn and written to a file.
public protocol Drawable: Sendable {
  /// The natural extent, in pixels at a magnification of one.
  var size: Size { get }

  /// Draws into a rectangle of a canvas.
  func draw(on canvas: Canvas, in rectangle: Rectangle)
}

/// The kinds of files that figures are written to.
public enum FileFormat: String, CaseIterable, Sendable {
  case svg, pdf, png
}

extension Drawable {
  /// Writes the drawing to a file; the extension of its name (`svg`, `pdf` or `png`) is the format.
  ///
  /// Redrawing writes the same bytes. Nothing is left behind when writing fails.
  /// - Parameter magnification: pixels for each unit of the drawing in a `png`.
  /// - Throws: `Failure`, with the file or package that it is about and the remedy.
  public func write(to url: URL, magnification: Double = 2) throws(Failure) {
    guard let format = FileFormat(rawValue: url.pathExtension.lowercased()) else {
      throw .unknownExtension(
        url.path, supported: FileFormat.allCases.map(\.rawValue))
    }
    try AtomicFile.write(Data(try rendered(as: format, magnification: magnification)), to: url.path)
  }

  /// Returns the bytes of the file that `write(to:magnification:)` would write.
  public func rendered(
    as format: FileFormat, magnification: Double = 2
  ) throws(Failure) -> [UInt8] {
    guard Font.isInstalled else {
      throw .missingFont(Font.family, package: Font.package)
    }
    switch format {
    case .png:
      return try Picture(self, magnification: magnification).png()
    case .svg:
      return unsafe SVG.renumbered(
        try vectorBytes { unsafe cairo_svg_surface_create_for_stream($0, $1, $2, $3) })
    case .pdf:
      return try unsafe vectorBytes { unsafe cairo_pdf_surface_create_for_stream($0, $1, $2, $3) }
    }
  }

  private func vectorBytes(
    _ create: (cairo_write_func_t, UnsafeMutableRawPointer, Double, Double) -> OpaquePointer?
  ) throws(Failure) -> [UInt8] {
    let sink = ByteSink()
    let surface = unsafe create(ByteSink.receive, sink.pointer, size.width, size.height)
    let context = unsafe cairo_create(surface)
    defer {
      unsafe cairo_destroy(context)
      unsafe cairo_surface_destroy(surface)
    }
    switch unsafe cairo_surface_get_type(surface) {
    case CAIRO_SURFACE_TYPE_SVG:
      unsafe cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX)
    case CAIRO_SURFACE_TYPE_PDF:
      // A date in the file would make it differ each time it is written.
      unsafe cairo_pdf_surface_set_metadata(
        surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z")
    default: break
    }
    guard let context = unsafe context else { throw .rendering("no context") }
    let canvas = unsafe Canvas(context: context, size: size, isVector: true, pixelsPerUnit: 1)
    canvas.paint(.white)
    draw(on: canvas, in: Rectangle(size))
    unsafe cairo_surface_finish(surface)
    try unsafe check(cairo_status(context))
    try unsafe check(cairo_surface_status(surface))
    return sink.bytes
  }
}

extension Picture {
  /// Returns the picture as the bytes of a PNG file.
  public func png() throws(Failure) -> [UInt8] {
    let surface = unsafe makeSurface()
    defer { unsafe cairo_surface_destroy(surface) }
    let sink = ByteSink()
    try unsafe check(cairo_surface_write_to_png_stream(surface, ByteSink.receive, sink.pointer))
    return sink.bytes
  }

  /// Writes the picture, pixel for pixel, to a PNG file.
  public func write(to url: URL) throws(Failure) {
    guard url.pathExtension.lowercased() == "png" else {
      throw .unknownExtension(url.path, supported: ["png"])
    }
    try AtomicFile.write(Data(try png()), to: url.path)
  }
}

private func check(_ status: cairo_status_t) throws(Failure) {
  guard status != CAIRO_STATUS_SUCCESS else { return }
  throw unsafe .rendering(String(cString: cairo_status_to_string(status)))
}

/// Collects the bytes that Cairo writes.
final class ByteSink {
  var bytes: [UInt8] = []

  var pointer: UnsafeMutableRawPointer { unsafe Unmanaged.passUnretained(self).toOpaque() }

  static let receive: cairo_write_func_t = { closure, data, length in
    guard let closure = unsafe closure, let data = unsafe data else {
      return CAIRO_STATUS_WRITE_ERROR
    }
    let sink = unsafe Unmanaged<ByteSink>.fromOpaque(closure).takeUnretainedValue()
    unsafe sink.bytes += UnsafeBufferPointer(start: data, count: Int(length))
    return CAIRO_STATUS_SUCCESS
  }
}

/// What Cairo's SVG files need before they are the same each time.
enum SVG {
  /// Returns the file with the names of its parts numbered in order of appearance.
  ///
  /// Cairo counts surfaces over the whole life of the process, and the count gets into the file.
  static func renumbered(_ bytes: [UInt8]) -> [UInt8] {
    let marker = Array("id=\"".utf8)
    var names: [[UInt8]: [UInt8]] = [:]
    var i = 0
    while i + marker.count < bytes.count {
      guard bytes[i] == marker[0], bytes[i..<i + marker.count].elementsEqual(marker) else {
        i += 1
        continue
      }
      let start = i + marker.count
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\"")) ?? bytes.count
      let name = Array(bytes[start..<end])
      if names[name] == nil { names[name] = Array("n\(names.count)".utf8) }
      i = end
    }
    return substituting(names, in: bytes)
  }

  // A name stands after `id="` or after `#`, and ends at a quote or a parenthesis.
  private static func substituting(_ names: [[UInt8]: [UInt8]], in bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    let id = Array("id=\"".utf8)
    var i = 0
    while i < bytes.count {
      result.append(bytes[i])
      i += 1
      let follows = result.last == UInt8(ascii: "#") || result.suffix(id.count).elementsEqual(id)
      guard follows else { continue }
      let end = bytes[i...].firstIndex { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: ")") }
      guard let end, end - i < 64, let name = names[Array(bytes[i..<end])] else { continue }
      result += name
      i = end
    }
    return result
  }
}
