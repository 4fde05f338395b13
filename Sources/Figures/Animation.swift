import Files
import Foundation

/// Pictures that are shown one after another, again and again.
///
/// ```swift
/// let film = Animation((0...50).map { frame(at: 20 * $0) }, delay: 0.08)
/// try film.write(to: URL(fileURLWithPath: "dissolving.gif"))
/// ```
public struct Animation: Sendable {
  /// The pictures, all of one size.
  public let frames: [Picture]
  /// How long each picture is shown, in seconds.
  public var delays: [Double]
  /// Whether the animation starts again after its last picture.
  public var loops: Bool

  /// Makes an animation with one delay, and a longer one for the last picture if that is given.
  public init(
    _ frames: [Picture], delay: Double = 0.1, lastDelay: Double? = nil, loops: Bool = true
  ) {
    var delays = [Double](repeating: delay, count: frames.count)
    if let lastDelay, !delays.isEmpty { delays[delays.count - 1] = lastDelay }
    self.init(frames, delays: delays, loops: loops)
  }

  /// Makes an animation with a delay for each picture.
  public init(_ frames: [Picture], delays: [Double], loops: Bool = true) {
    guard frames.count == delays.count else {
      fatalError("\(frames.count) frames need as many delays, not \(delays.count)")
    }
    self.frames = frames
    self.delays = delays
    self.loops = loops
  }

  /// Makes an animation of figures, each drawn with `magnification` pixels for each of its units.
  public init(
    drawing figures: [any Drawable], delay: Double = 0.1, lastDelay: Double? = nil,
    magnification: Double = 1, loops: Bool = true
  ) {
    self.init(
      figures.map { Picture($0, magnification: magnification) }, delay: delay,
      lastDelay: lastDelay, loops: loops)
  }

  /// Writes the animation; the extension of the file's name is the format: `gif` (at most 256
  /// colors) or `png` (animated PNG, all colors).
  ///
  /// - Throws: `Failure`, with the file that it is about and the remedy.
  public func write(to url: URL) throws(Failure) {
    switch url.pathExtension.lowercased() {
    case "gif": try AtomicFile.write(Data(try gif()), to: url.path)
    case "png", "apng": try AtomicFile.write(Data(try animatedPNG()), to: url.path)
    default: throw .unknownExtension(url.path, supported: ["gif", "png"])
    }
  }

  func checkFrames(limit: Int) throws(Failure) {
    guard let first = frames.first else { throw .frames("there are no frames") }
    for (index, frame) in frames.enumerated() {
      guard frame.width == first.width, frame.height == first.height else {
        throw .frames(
          "frame \(index) is \(frame.width)x\(frame.height), the first one "
            + "\(first.width)x\(first.height)")
      }
    }
    guard first.width <= limit, first.height <= limit else {
      throw .frames("\(first.width)x\(first.height) pixels are too many for the format")
    }
  }

  /// Returns the delay of a frame in hundredths of a second; viewers take less than two for ten.
  func hundredths(_ index: Int) -> Int {
    let delay = delays[index] * 100
    return delay.isFinite ? min(65535, max(2, Int(delay.rounded()))) : 65535
  }
}
