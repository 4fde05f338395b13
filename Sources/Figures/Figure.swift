/// What the panels of a figure have in common.
public struct Sharing: OptionSet, Sendable {
  /// The bits of the set.
  public let rawValue: Int

  /// Makes a set from its bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// One range of the horizontal axes; only the lowest panels carry its numbers.
  public static let x = Sharing(rawValue: 1)
  /// One range of the vertical axes; only the leftmost panels carry its numbers.
  public static let y = Sharing(rawValue: 2)
  /// One legend below all panels.
  public static let legend = Sharing(rawValue: 4)
  /// One range of the colors, and one color bar at the right.
  public static let colors = Sharing(rawValue: 8)
  /// Both axes.
  public static let axes: Sharing = [.x, .y]
}

/// Panels in a grid, with a title above and a caption below: small multiples.
///
/// The frames of the plots in a column, and in a row, are aligned.
public struct Figure: Drawable {
  /// The line above all panels.
  public var title: String
  /// The text below all panels, broken into lines as needed.
  public var caption: String
  /// The number of panels in a row.
  public var columns: Int
  /// The panels, row by row.
  public var panels: [any Drawable]
  /// What the panels have in common.
  public var sharing: Sharing
  /// Whether the panels are marked (a), (b), (c), …
  public var hasLetters: Bool

  /// Makes a figure whose grid is filled row by row.
  /// - Parameter panelSize: the size of each plot; without it, its own.
  public init(
    title: String = "", columns: Int, _ panels: [any Drawable], panelSize: Size? = nil,
    sharing: Sharing = [], caption: String = "", hasLetters: Bool = false
  ) {
    self.title = title
    self.caption = caption
    self.columns = max(1, columns)
    self.sharing = sharing
    self.hasLetters = hasLetters
    self.panels = panels.map { panel in
      guard let panelSize, var plot = panel as? Plot else { return panel }
      plot.size = panelSize
      return plot
    }
  }

  /// Makes a figure of one panel.
  public init(_ panel: any Drawable, title: String = "", caption: String = "") {
    self.init(title: title, columns: 1, [panel], caption: caption)
  }

  // MARK: - Space

  private static let edge = 4.0

  var rowCount: Int { (panels.count + columns - 1) / columns }
  var columnCount: Int { min(columns, panels.count) }

  var columnWidths: [Double] {
    (0..<columnCount).map { c in
      stride(from: c, to: panels.count, by: columns).map { panels[$0].size.width }.max() ?? 0
    }
  }

  var rowHeights: [Double] {
    (0..<rowCount).map { r in
      (r * columns..<min((r + 1) * columns, panels.count)).map { panels[$0].size.height }.max() ?? 0
    }
  }

  private var gridSize: Size {
    Size(
      columnWidths.reduce(0, +) + Double(max(columnCount - 1, 0)) * Figure.gap,
      rowHeights.reduce(0, +) + Double(max(rowCount - 1, 0)) * Figure.gap)
  }

  static let gap = 8.0
  private static let longestBar = 260.0

  private var titleRow: Double { title.isEmpty ? 0 : MathText(title, bold: true).height + 10 }

  private var legend: Legend {
    guard sharing.contains(.legend) else { return Legend(entries: []) }
    var entries: [LegendEntry] = []
    for plot in panels.compactMap({ $0 as? Plot }) {
      for entry in plot.legendEntries where !entries.contains(entry) { entries.append(entry) }
    }
    return Legend(entries: entries)
  }

  private func legendRow(width: Double) -> Double {
    legend.entries.isEmpty ? 0 : legend.height(inRowsOf: width) + 8
  }

  private func captionText(width: Double) -> MathText? {
    guard !caption.isEmpty else { return nil }
    return MathText(MathText.wrapped(caption, width: width - 24), alignment: .left)
  }

  private var sharedBar: ColorBar? {
    guard sharing.contains(.colors), let limits = sharedColorLimits else { return nil }
    var bar = panels.lazy.compactMap { ($0 as? Plot)?.colorBars.first }.first
    bar?.scale.limits = limits
    return bar
  }

  private var sharedColorLimits: ClosedRange<Double>? {
    let all = panels.compactMap { ($0 as? Plot)?.colorBars.first?.scale.limits }
    return all.dropFirst().reduce(all.first) { $0?.union($1) }
  }

  private var barColumn: Double {
    sharedBar.map { $0.totalWidth(height: Figure.longestBar) + 10 } ?? 0
  }

  /// The extent of all panels, the title, the shared legend and the caption.
  public var size: Size {
    let grid = gridSize
    let width = max(grid.width + barColumn, MathText(title, bold: true).width)
    let text = captionText(width: width).map { $0.height + 12 } ?? 0
    let height = grid.height + titleRow + legendRow(width: width) + text
    return Size(
      (width + 2 * Figure.edge).rounded(.up), (height + 2 * Figure.edge).rounded(.up))
  }

  // MARK: - Drawing

  /// Draws all panels with what belongs to them.
  public func draw(on canvas: Canvas, in rectangle: Rectangle) {
    let area = rectangle.inset(by: Figure.edge)
    if !title.isEmpty {
      canvas.text(title, at: Point(area.center.x, area.top + 2), anchor: .top, bold: true)
    }
    let grid = gridSize
    let left = area.center.x - (grid.width + barColumn) / 2
    let corner = Point(left, area.top + titleRow)
    let cells = cells(at: corner)
    for (index, cell) in cells.enumerated() {
      cell.draw(on: canvas)
      if hasLetters { drawLetter(index, on: canvas, in: cell.rectangle) }
    }
    drawSharedBar(on: canvas, beside: cells, right: corner.x + grid.width)
    var y = corner.y + grid.height
    if !legend.entries.isEmpty {
      legend.drawRows(on: canvas, centeredAt: area.center.x, top: y + 4, width: area.width)
      y += legendRow(width: area.width)
    }
    if let text = captionText(width: area.width) {
      canvas.draw(text, at: Point(area.left + 12, y + 6), anchor: .topLeft, color: .ink)
    }
  }

  private func drawLetter(_ index: Int, on canvas: Canvas, in cell: Rectangle) {
    let letter = Character(UnicodeScalar(UInt8(97 + index % 26)))
    canvas.text("(\(letter))", at: Point(cell.left + 2, cell.top + 8), anchor: .topLeft)
  }

  // As high as the frames of a single row; with several rows, centered and not too long.
  private func drawSharedBar(on canvas: Canvas, beside cells: [PanelCell], right: Double) {
    guard let bar = sharedBar else { return }
    let frames = cells.compactMap(\.frame)
    guard let top = frames.map(\.top).min(), let bottom = frames.map(\.bottom).max() else { return }
    let height = min(bottom - top, Figure.longestBar)
    bar.draw(
      on: canvas,
      beside: Rectangle(x: right, y: (top + bottom - height) / 2, width: 0, height: height))
  }

  // MARK: - What is shared

  func preparedPanels() -> [any Drawable] {
    let plots = panels.compactMap { $0 as? Plot }
    let ranges = plots.map { $0.ranges() }
    let x = ranges.dropFirst().reduce(ranges.first?.x) { $0?.union($1.x) }
    let y = ranges.dropFirst().reduce(ranges.first?.y) { $0?.union($1.y) }
    return panels.enumerated().map { index, panel in
      guard var plot = panel as? Plot else { return panel }
      if sharing.contains(.x) {
        plot.panel.xRange = x
        plot.panel.showsXLabels = index + columns >= panels.count
      }
      if sharing.contains(.y) {
        plot.panel.yRange = y
        plot.panel.showsYLabels = index % columns == 0
      }
      if sharing.contains(.legend) { plot.panel.showsLegend = false }
      if sharing.contains(.colors) {
        plot.panel.showsColorBar = false
        plot = plot.withColorLimits(sharedColorLimits)
      }
      return plot
    }
  }
}

extension Plot {
  func withColorLimits(_ limits: ClosedRange<Double>?) -> Plot {
    guard let limits else { return self }
    return changed { plot in
      plot.marks = plot.marks.map { mark in
        switch mark {
        case var map as HeatMapMark:
          map.colors.limits = limits
          return map
        case var scatter as ScatterMark:
          scatter.colors?.limits = limits
          return scatter
        default: return mark
        }
      }
    }
  }
}
