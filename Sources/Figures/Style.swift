/// The measures that all figures share.
public enum Style {
  /// The one size of type, in pixels.
  public static let fontSize = 12.0
  /// The thickness of a curve.
  public static let lineWidth = 1.8
  /// The thickness of axes and ticks.
  public static let axisWidth = 0.9
  /// The thickness of grid lines.
  public static let gridWidth = 0.8
  /// The natural extent of a plot.
  public static let plotSize = Size(420, 290)
  /// The radius of a point of a scatter plot.
  public static let pointRadius = 2.2
}
