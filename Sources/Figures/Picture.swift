/// An image of 8-bit red, green and blue values, row by row from the upper left corner.
public struct Picture: Equatable, Sendable {
  /// The number of columns.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// The values of all pixels: `width * height * 3` bytes, the channels interleaved.
  public var bytes: [UInt8]

  /// Makes a picture from interleaved red, green and blue bytes.
  public init(width: Int, height: Int, bytes: [UInt8]) {
    guard width > 0, height > 0, bytes.count == width * height * 3 else {
      fatalError(
        "a \(width)x\(height) picture needs \(width * height * 3) bytes, not \(bytes.count)")
    }
    self.width = width
    self.height = height
    self.bytes = bytes
  }

  /// Makes a picture of one color.
  public init(width: Int, height: Int, filled color: Color = .white) {
    let c = color.bytes
    var bytes = [UInt8](repeating: 0, count: width * height * 3)
    for i in 0..<width * height {
      bytes[3 * i] = c.red
      bytes[3 * i + 1] = c.green
      bytes[3 * i + 2] = c.blue
    }
    self.init(width: width, height: height, bytes: bytes)
  }

  /// Makes a picture from planes of values `[channels, height, width]`, one channel for gray or
  /// three for red, green and blue; `range` maps to 0…255, rounded and clamped.
  public init(
    planar values: [Float], width: Int, height: Int, range: ClosedRange<Float> = -1...1
  ) {
    let plane = width * height
    guard plane > 0, values.count == plane || values.count == 3 * plane else {
      fatalError("\(values.count) values are neither 1 nor 3 planes of \(width)x\(height)")
    }
    let green = values.count == plane ? 0 : plane
    let low = range.lowerBound
    let scale = 1 / (range.upperBound - low)
    var bytes = [UInt8](repeating: 0, count: 3 * plane)
    for i in 0..<plane {
      bytes[3 * i] = Picture.byte(unit: Double((values[i] - low) * scale))
      bytes[3 * i + 1] = Picture.byte(unit: Double((values[i + green] - low) * scale))
      bytes[3 * i + 2] = Picture.byte(unit: Double((values[i + 2 * green] - low) * scale))
    }
    self.init(width: width, height: height, bytes: bytes)
  }

  /// Makes a picture from rows of numbers, each shown with the color that `scale` gives it.
  public init(rows: [[Double]], scale: ColorScale) {
    let width = rows.first?.count ?? 0
    guard rows.allSatisfy({ $0.count == width }) else {
      fatalError("the rows of a picture must be equally long")
    }
    self.init(
      width: width, height: rows.count,
      bytes: rows.joined().flatMap { value in
        let c = scale.color(value).bytes
        return [c.red, c.green, c.blue]
      })
  }

  /// Rounds a value in 0…1 to a byte; values outside are clamped, and NaN becomes 0.
  public static func byte(unit value: Double) -> UInt8 {
    guard value > 0 else { return 0 }
    return value >= 1 ? 255 : UInt8((value * 255).rounded())
  }

  /// The pixel in column `x` and row `y`.
  public subscript(x: Int, y: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
    get {
      let i = 3 * (y * width + x)
      return (bytes[i], bytes[i + 1], bytes[i + 2])
    }
    set {
      let i = 3 * (y * width + x)
      bytes[i] = newValue.red
      bytes[i + 1] = newValue.green
      bytes[i + 2] = newValue.blue
    }
  }

  /// Returns the values as planes `[3, height, width]`; byte 0 maps to the lower end of `range`
  /// and byte 255 to the upper.
  public func planar(range: ClosedRange<Float> = -1...1) -> [Float] {
    let plane = width * height
    let scale = (range.upperBound - range.lowerBound) / 255
    var values = [Float](repeating: 0, count: 3 * plane)
    for channel in 0..<3 {
      for i in 0..<plane {
        values[channel * plane + i] = range.lowerBound + Float(bytes[3 * i + channel]) * scale
      }
    }
    return values
  }

  /// Returns the picture with every pixel repeated `factor` times in both directions.
  public func magnified(by factor: Int) -> Picture {
    guard factor > 1 else { return self }
    var result = [UInt8]()
    result.reserveCapacity(bytes.count * factor * factor)
    for y in 0..<height {
      var row = [UInt8]()
      row.reserveCapacity(width * factor * 3)
      for x in 0..<width {
        let i = 3 * (y * width + x)
        for _ in 0..<factor { row += bytes[i..<i + 3] }
      }
      for _ in 0..<factor { result += row }
    }
    return Picture(width: width * factor, height: height * factor, bytes: result)
  }
}
