import Foundation

/// A continuous run of colors for numbers, perceptually uniform: equal steps look equally large.
///
/// The maps are curves in Oklab that are walked at constant speed.
public struct ColorMap: Equatable, Sendable {
  let colors: [Color]

  /// Makes a map from samples that are evenly spaced from 0 to 1.
  public init(colors: [Color]) {
    guard colors.count > 1 else { fatalError("a color map needs at least two colors") }
    self.colors = colors
  }

  /// Returns the color at `share` in 0…1, interpolated between the samples; NaN is light gray.
  public func color(_ share: Double) -> Color {
    guard !share.isNaN else { return Color(gray: 0.8) }
    let position = min(max(share, 0), 1) * Double(colors.count - 1)
    let i = min(Int(position), colors.count - 2)
    let f = position - Double(i)
    let (a, b) = (colors[i], colors[i + 1])
    return Color(
      red: a.red + f * (b.red - a.red), green: a.green + f * (b.green - a.green),
      blue: a.blue + f * (b.blue - a.blue))
  }

  /// The same colors in reverse order.
  public var reversed: ColorMap { ColorMap(colors: colors.reversed()) }

  /// Returns the colors between two shares, as a map of their own; lines on a white page, for
  /// example, do without the palest colors: `ColorMap.sequential.part(0...0.85)`.
  public func part(_ range: ClosedRange<Double>) -> ColorMap {
    let length = range.upperBound - range.lowerBound
    return ColorMap(
      colors: (0..<ColorMap.samples).map {
        color(range.lowerBound + length * Double($0) / Double(ColorMap.samples - 1))
      })
  }

  // MARK: - The maps

  /// From dark violet over blue-green to yellow: for quantities without a special value.
  public static let sequential = ColorMap(
    lightness: 0.28...0.93,
    corners: [
      (0.072, -0.092), (-0.012, -0.112), (-0.095, -0.012), (-0.115, 0.085), (-0.045, 0.185),
    ])

  /// From white to dark blue: for densities on a white page.
  public static let density = ColorMap(
    lightness: 0.30...0.995,
    corners: [(0.01, -0.115), (-0.045, -0.095), (-0.03, -0.025), (0, -0.001)]
  ).reversed

  /// From black to white.
  public static let gray = ColorMap(colors: [.black, .white])

  static let samples = 256

  // Lightness grows linearly and the curve of the other two coordinates is walked at constant
  // speed, so the speed in all three is constant as well.
  private init(lightness: ClosedRange<Double>, corners: [(a: Double, b: Double)]) {
    let curve = ColorMap.smooth(corners)
    var lengths = [0.0]
    for i in 1..<curve.count {
      let step = hypot(curve[i].a - curve[i - 1].a, curve[i].b - curve[i - 1].b)
      lengths.append(lengths[i - 1] + step)
    }
    var i = 0
    colors = (0..<ColorMap.samples).map { k in
      let share = Double(k) / Double(ColorMap.samples - 1)
      let target = share * lengths[lengths.count - 1]
      while i < curve.count - 2 && lengths[i + 1] < target { i += 1 }
      let f = (target - lengths[i]) / (lengths[i + 1] - lengths[i])
      return Color(
        oklab: Oklab(
          lightness: lightness.lowerBound + share * (lightness.upperBound - lightness.lowerBound),
          a: curve[i].a + f * (curve[i + 1].a - curve[i].a),
          b: curve[i].b + f * (curve[i + 1].b - curve[i].b)))
    }
  }

  // A Bézier curve: it stays within the hull of its corners and has no kinks.
  private static func smooth(_ corners: [(a: Double, b: Double)]) -> [(a: Double, b: Double)] {
    (0...2000).map { k in
      let t = Double(k) / 2000
      var points = corners
      while points.count > 1 {
        points = zip(points, points.dropFirst()).map { p, q in
          (p.a + t * (q.a - p.a), p.b + t * (q.b - p.b))
        }
      }
      return points[0]
    }
  }
}

/// How numbers become colors: a map, the limits that its ends stand for, and the scale between.
public struct ColorScale: Equatable, Sendable {
  /// The colors.
  public var map: ColorMap
  /// The numbers at the two ends of the map.
  public var limits: ClosedRange<Double>
  /// How numbers are spread between the limits.
  public var scale: Scale

  /// Makes a scale; values outside the limits get the colors of the ends.
  public init(
    _ map: ColorMap = .sequential, limits: ClosedRange<Double>, scale: Scale = .linear
  ) {
    self.map = map
    self.limits = limits
    self.scale = scale
  }

  /// Returns the color of a value.
  public func color(_ value: Double) -> Color {
    map.color(scale.fraction(of: value, in: limits))
  }
}
