import Datasets
import Figures
import Foundation
import Parallelism
import Probability

/// Ten classes of small images drawn with Cairo, in CIFAR-10's layout: for people and tests that
/// do not have the data set.
///
/// Image `i` of a seed depends on nothing else. Color, place, size, slant and background vary; the
/// label of image `i` is `i % 10`.
public enum SyntheticImages {
  /// The classes, in the order of their labels.
  public static let classNames = [
    "disc", "ring", "square", "triangle", "cross", "star", "horizontal stripes",
    "vertical stripes", "checkerboard", "gradient",
  ]

  /// How the shapes are painted.
  public enum Style: Sendable {
    /// In a color of their own, on a background that fades from one color to another.
    case colored
    /// In white on black.
    case stencil
  }

  /// Draws a set of images.
  ///
  /// - Parameters:
  ///   - count: how many.
  ///   - seed: which collection; use another for test images.
  ///   - first: the index of the first image.
  ///   - style: how the shapes are painted; their forms are the same in every style.
  public static func images(
    _ count: Int, seed: UInt64 = 0, from first: Int = 0, style: Style = .colored
  ) -> LabeledImages {
    var pixels = [UInt8](repeating: 0, count: count * 3072)
    unsafe pixels.withUnsafeMutableBufferPointer { buffer in
      let place = buffer.baseAddress!
      Parallel.forRanges(count, grain: 16) { range in
        for i in range {
          let picture = picture(first + i, seed: seed, style: style)
          for plane in 0..<3 {
            for pixel in 0..<1024 {
              unsafe place[i * 3072 + plane * 1024 + pixel] = picture.bytes[3 * pixel + plane]
            }
          }
        }
      }
    }
    return LabeledImages(
      name: "synthetic images", classNames: classNames, pixels: pixels,
      labels: (first..<first + count).map { $0 % 10 })
  }

  /// Draws one image of 32x32 pixels.
  public static func picture(
    _ index: Int, seed: UInt64 = 0, style: Style = .colored
  ) -> Picture {
    var sketch = Sketch(RandomGenerator(seed: seed).split(index), style)
    return Picture(drawing: 32, 32) { canvas in
      sketch.paintBackground(canvas)
      sketch.draw(class: index % 10, on: canvas)
    }
  }
}

/// The choices that make one image.
private struct Sketch {
  private var generator: RandomGenerator
  private let ink: Color
  private let paper: Color
  private let fadedPaper: Color

  init(_ generator: RandomGenerator, _ style: SyntheticImages.Style) {
    var generator = generator
    // Ink and paper differ in lightness, so that every shape can be seen.
    let isDark = generator.uniform() < 0.5
    let paperLightness =
      isDark ? generator.uniform(in: 0.05...0.3) : generator.uniform(in: 0.7...0.97)
    let inkLightness =
      isDark ? generator.uniform(in: 0.6...0.95) : generator.uniform(in: 0.1...0.45)
    let paperHue = generator.uniform()
    let color = Self.color(
      hue: paperHue, lightness: paperLightness, generator.uniform(in: 0...0.6))
    let drift = generator.uniform(in: -0.12...0.12)
    let fadedColor = Self.color(
      hue: paperHue + drift, lightness: paperLightness + generator.uniform(in: -0.1...0.1),
      generator.uniform(in: 0...0.6))
    let inkColor = Self.color(
      hue: generator.uniform(), lightness: inkLightness, generator.uniform(in: 0.4...1))
    let isStencil = style == .stencil
    paper = isStencil ? .black : color
    fadedPaper = isStencil ? .black : fadedColor
    ink = isStencil ? .white : inkColor
    self.generator = generator
  }

  private static func color(hue: Double, lightness: Double, _ saturation: Double) -> Color {
    let reach = saturation * min(lightness, 1 - lightness)
    func part(_ shift: Double) -> Double {
      let k = (hue * 12 + shift + 24).truncatingRemainder(dividingBy: 12)
      return min(1, max(0, lightness - reach * max(-1, min(k - 3, 9 - k, 1))))
    }
    return Color(red: part(0), green: part(8), blue: part(4))
  }

  mutating func paintBackground(_ canvas: Canvas) {
    fade(from: paper, to: fadedPaper, angle: generator.uniform(in: 0...(2 * .pi)), canvas)
  }

  mutating func draw(class label: Int, on canvas: Canvas) {
    let radius = generator.uniform(in: 7...13)
    let room = 14 - radius
    let center = Point(
      16 + generator.uniform(in: -room...room), 16 + generator.uniform(in: -room...room))
    let slant = generator.uniform(in: -0.25...0.25)
    canvas.rotated(by: slant, about: center) {
      switch label {
      case 0: canvas.fill(.circle(center: center, radius: radius), ink)
      case 1: ring(center, radius, canvas)
      case 2: canvas.fill(square(center, 0.86 * radius), ink)
      case 3: canvas.fill(.star(center: center, radius: 1.1 * radius, sides: 3), ink)
      case 4: cross(center, radius, canvas)
      case 5: canvas.fill(.star(center: center, radius: 1.15 * radius, sides: 5, inner: 0.42), ink)
      case 6: stripes(canvas, center, angle: 0)
      case 7: stripes(canvas, center, angle: .pi / 2)
      case 8: checkerboard(canvas, center)
      default: break
      }
    }
    if label == 9 {
      fade(from: ink, to: paper, angle: generator.uniform(in: 0...(2 * .pi)), canvas)
    }
  }

  private mutating func ring(_ center: Point, _ radius: Double, _ canvas: Canvas) {
    let width = radius * generator.uniform(in: 0.25...0.4)
    canvas.stroke(.circle(center: center, radius: radius - width / 2), ink, width: width)
  }

  private mutating func cross(_ center: Point, _ radius: Double, _ canvas: Canvas) {
    let half = radius * generator.uniform(in: 0.2...0.32)
    canvas.fill(.rectangle(box(center, radius, half)), ink)
    canvas.fill(.rectangle(box(center, half, radius)), ink)
  }

  private mutating func stripes(_ canvas: Canvas, _ center: Point, angle: Double) {
    let period = generator.uniform(in: 4.5...9)
    let phase = generator.uniform(in: 0...period)
    let thickness = period * generator.uniform(in: 0.4...0.6)
    canvas.rotated(by: angle, about: center) {
      for k in -12...12 {
        let y = center.y + phase + Double(k) * period
        canvas.fill(.rectangle(box(Point(center.x, y), 50, thickness / 2)), ink)
      }
    }
  }

  private mutating func checkerboard(_ canvas: Canvas, _ center: Point) {
    let side = generator.uniform(in: 4...8)
    let (dx, dy) = (generator.uniform(in: 0...side), generator.uniform(in: 0...side))
    for row in -9...9 {
      for column in -9...9 where (row + column).isMultiple(of: 2) {
        let corner = Point(
          center.x + dx + Double(column) * side, center.y + dy + Double(row) * side)
        canvas.fill(square(corner, side / 2), ink)
      }
    }
  }

  private func square(_ center: Point, _ half: Double) -> Path {
    .rectangle(box(center, half, half))
  }

  private func box(_ center: Point, _ x: Double, _ y: Double) -> Rectangle {
    Rectangle(x: center.x - x, y: center.y - y, width: 2 * x, height: 2 * y)
  }

  /// Fills the image with one color that passes into another along a direction.
  private func fade(from first: Color, to second: Color, angle: Double, _ canvas: Canvas) {
    let middle = Point(16, 16)
    canvas.rotated(by: angle, about: middle) {
      let bands = 46
      for band in 0..<bands {
        let share = Double(band) / Double(bands - 1)
        // A band reaches under the next one, so that no seam shows.
        let strip = Rectangle(x: -8, y: -7 + Double(band), width: 48, height: 2)
        canvas.fill(.rectangle(strip), first.mixed(with: second, share))
      }
    }
  }
}
