import Foundation

/// A color in the sRGB space, each component in 0…1.
public struct Color: Equatable, Hashable, Sendable {
  /// The share of red, in 0…1.
  public var red: Double
  /// The share of green, in 0…1.
  public var green: Double
  /// The share of blue, in 0…1.
  public var blue: Double
  /// From invisible (0) to covering (1).
  public var opacity: Double

  /// Makes a color from components in 0…1.
  public init(red: Double, green: Double, blue: Double, opacity: Double = 1) {
    self.red = red
    self.green = green
    self.blue = blue
    self.opacity = opacity
  }

  /// Makes a color from the bytes of `0xRRGGBB`.
  public init(hex: UInt32) {
    self.init(
      red: Double((hex >> 16) & 0xFF) / 255, green: Double((hex >> 8) & 0xFF) / 255,
      blue: Double(hex & 0xFF) / 255)
  }

  /// Makes a gray from black (0) to white (1).
  public init(gray: Double) { self.init(red: gray, green: gray, blue: gray) }

  /// Returns the same color with another opacity.
  public func opacity(_ value: Double) -> Color {
    Color(red: red, green: green, blue: blue, opacity: value)
  }

  /// Returns the mixture of two colors in Oklab: `self` at 0 and `other` at 1.
  public func mixed(with other: Color, _ share: Double) -> Color {
    let a = oklab
    let b = other.oklab
    return Color(
      oklab: Oklab(
        lightness: a.lightness + share * (b.lightness - a.lightness),
        a: a.a + share * (b.a - a.a), b: a.b + share * (b.b - a.b))
    ).opacity(opacity + share * (other.opacity - opacity))
  }

  /// The components as bytes, rounded to the nearest.
  public var bytes: (red: UInt8, green: UInt8, blue: UInt8) {
    (Picture.byte(unit: red), Picture.byte(unit: green), Picture.byte(unit: blue))
  }

  /// The luminance of WCAG 2: 0 for black, 1 for white.
  public var luminance: Double {
    0.2126 * Color.linear(red) + 0.7152 * Color.linear(green) + 0.0722 * Color.linear(blue)
  }

  /// Returns the contrast ratio of WCAG 2 between two colors, from 1 to 21.
  public func contrast(with other: Color) -> Double {
    let (a, b) = (luminance, other.luminance)
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
  }

  /// Black.
  public static let black = Color(gray: 0)
  /// White, the color of the page.
  public static let white = Color(gray: 1)
  /// Writes text and the outlines of a drawing.
  public static let ink = Color(gray: 0.13)
  /// Draws axes and the ticks on them.
  public static let axis = Color(gray: 0.45)
  /// Draws the lines of a grid.
  public static let grid = Color(gray: 0.90)

  // MARK: - Okabe and Ito's palette

  /// The first color of the palette.
  public static let blue = Color(hex: 0x0072B2)
  /// The second color of the palette.
  public static let vermilion = Color(hex: 0xD55E00)
  /// The third color of the palette.
  public static let green = Color(hex: 0x009E73)
  /// The fourth color of the palette.
  public static let purple = Color(hex: 0xCC79A7)
  /// The fifth color of the palette.
  public static let orange = Color(hex: 0xE69F00)
  /// The sixth color of the palette.
  public static let skyBlue = Color(hex: 0x56B4E9)
  /// The last color of the palette, for areas only.
  public static let yellow = Color(hex: 0xF0E442)

  /// Lists eight colors that readers with any common color vision can tell apart
  /// (Okabe and Ito 2008), in the order in which plots use them.
  public static let palette: [Color] = [
    .blue, .vermilion, .green, .purple, .orange, .skyBlue, .black, .yellow,
  ]

  /// Returns the color of the series with this index; the palette repeats after eight.
  public static func series(_ index: Int) -> Color { palette[index % palette.count] }
}

/// A color in Ottosson's Oklab space (2020), where equal distances look equally different.
public struct Oklab: Equatable, Sendable {
  /// From black (0) to white (1).
  public var lightness: Double
  /// From green to red.
  public var a: Double
  /// From blue to yellow.
  public var b: Double

  /// Makes a color from its lightness in 0…1 and its two opponent coordinates.
  public init(lightness: Double, a: Double, b: Double) {
    self.lightness = lightness
    self.a = a
    self.b = b
  }

  /// Returns the Euclidean distance between two colors.
  public func distance(to other: Oklab) -> Double {
    let (dl, da, db) = (lightness - other.lightness, a - other.a, b - other.b)
    return (dl * dl + da * da + db * db).squareRoot()
  }
}

extension Color {
  static func linear(_ v: Double) -> Double {
    v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)
  }

  static func companded(_ v: Double) -> Double {
    v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055
  }

  /// The color's coordinates in Oklab.
  public var oklab: Oklab {
    let (r, g, b) = (Color.linear(red), Color.linear(green), Color.linear(blue))
    let l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    let m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    let s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return Oklab(
      lightness: 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
      a: 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
      b: 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s)
  }

  /// Makes the color with these coordinates in Oklab; components outside sRGB are clipped.
  public init(oklab: Oklab) {
    let c = Color.unclipped(oklab)
    self.init(
      red: min(max(c.red, 0), 1), green: min(max(c.green, 0), 1), blue: min(max(c.blue, 0), 1))
  }

  static func unclipped(_ c: Oklab) -> (red: Double, green: Double, blue: Double) {
    let l = pow(c.lightness + 0.3963377774 * c.a + 0.2158037573 * c.b, 3)
    let m = pow(c.lightness - 0.1055613458 * c.a - 0.0638541728 * c.b, 3)
    let s = pow(c.lightness - 0.0894841775 * c.a - 1.2914855480 * c.b, 3)
    return (
      companded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
      companded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
      companded(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)
    )
  }
}
