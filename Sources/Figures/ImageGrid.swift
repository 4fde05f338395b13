/// Pictures in rows and columns, with a label for each row and column.
///
/// ```swift
/// let grid = ImageGrid(
///   rows: chains, rowLabels: ["cat", "dog"], columnLabels: ["$t=0$", "$t=500$"])
/// ```
public struct ImageGrid: Drawable {
  /// The line above the grid.
  public var title: String
  /// The pictures row by row; rows may differ in length.
  public var rows: [[Picture]]
  /// The texts to the left of the rows.
  public var rowLabels: [String]
  /// The texts above the columns.
  public var columnLabels: [String]
  /// A text below each picture; empty texts take no space if all of a row are empty.
  public var captions: [[String]]
  /// The width of a picture on the page.
  public var cellWidth: Double
  /// The space between pictures.
  public var gap: Double
  /// Whether the pixels are blended when a picture is magnified.
  public var isSmooth: Bool
  /// Whether a thin line shows where each picture ends; for pictures with white edges.
  public var hasOutlines: Bool

  /// Makes a grid.
  /// - Parameter cellWidth: the width of a picture on the page; a 32-pixel picture at 64 shows each
  ///   of its pixels as a square of two.
  public init(
    title: String = "", rows: [[Picture]], rowLabels: [String] = [], columnLabels: [String] = [],
    captions: [[String]] = [], cellWidth: Double = 64, gap: Double = 4, isSmooth: Bool = false,
    hasOutlines: Bool = false
  ) {
    self.title = title
    self.rows = rows
    self.rowLabels = rowLabels
    self.columnLabels = columnLabels
    self.captions = captions
    self.cellWidth = cellWidth
    self.gap = gap
    self.isSmooth = isSmooth
    self.hasOutlines = hasOutlines
  }

  /// Makes a grid of `columns` columns that is filled row by row.
  public init(
    title: String = "", _ pictures: [Picture], columns: Int, cellWidth: Double = 64,
    gap: Double = 4, isSmooth: Bool = false, hasOutlines: Bool = false
  ) {
    let rows = stride(from: 0, to: pictures.count, by: max(columns, 1)).map {
      Array(pictures[$0..<min($0 + max(columns, 1), pictures.count)])
    }
    self.init(
      title: title, rows: rows, cellWidth: cellWidth, gap: gap, isSmooth: isSmooth,
      hasOutlines: hasOutlines)
  }

  // MARK: - Space

  private static let edge = 8.0

  private var columns: Int { rows.map(\.count).max() ?? 0 }

  private var cellHeights: [Double] {
    rows.map { row in
      row.map { cellWidth * Double($0.height) / Double($0.width) }.max() ?? cellWidth
    }
  }

  private func captionHeight(_ row: Int) -> Double {
    guard row < captions.count else { return 0 }
    let height = captions[row].map { $0.isEmpty ? 0 : MathText($0).height }.max() ?? 0
    return height > 0 ? height + 5 : 0
  }

  private var labelColumn: Double {
    let width = rowLabels.map { MathText($0).width }.max() ?? 0
    return width > 0 ? width + 10 : 0
  }

  private var labelRow: Double {
    let height = columnLabels.map { $0.isEmpty ? 0 : MathText($0).height }.max() ?? 0
    return height > 0 ? height + 6 : 0
  }

  private var titleRow: Double { title.isEmpty ? 0 : MathText(title, bold: true).height + 8 }

  // Long labels of columns or captions must not run into their neighbors.
  private var columnWidth: Double {
    let texts = columnLabels + captions.joined()
    return max(cellWidth, (texts.map { MathText($0).width }.max() ?? 0) + 4)
  }

  /// The extent of the pictures and all that is written around them.
  public var size: Size {
    let heights = cellHeights.enumerated().map { $0.element + captionHeight($0.offset) }
    let gaps = Double(max(rows.count - 1, 0)) * gap
    let width = Double(columns) * (columnWidth + gap) - gap + labelColumn
    let height = heights.reduce(0, +) + gaps + titleRow + labelRow
    return Size(
      (max(width, MathText(title, bold: true).width) + 2 * ImageGrid.edge).rounded(.up),
      (height + 2 * ImageGrid.edge).rounded(.up))
  }

  // MARK: - Drawing

  /// Draws the grid in the middle of a rectangle.
  public func draw(on canvas: Canvas, in rectangle: Rectangle) {
    let natural = size
    let left = rectangle.x + (rectangle.width - natural.width) / 2 + ImageGrid.edge
    var y = rectangle.y + (rectangle.height - natural.height) / 2 + ImageGrid.edge
    if !title.isEmpty {
      canvas.text(title, at: Point(rectangle.center.x, y), anchor: .top, bold: true)
    }
    y += titleRow
    let start = left + labelColumn
    for (i, label) in columnLabels.enumerated() {
      let x = start + Double(i) * (columnWidth + gap) + columnWidth / 2
      canvas.text(label, at: Point(x, y + labelRow - 6), anchor: .bottom)
    }
    y += labelRow
    for (index, row) in rows.enumerated() {
      let height = cellHeights[index]
      if index < rowLabels.count {
        canvas.text(
          rowLabels[index], at: Point(start - 10, y + height / 2), anchor: .right)
      }
      draw(row, index: index, on: canvas, at: Point(start, y), height: height)
      y += height + captionHeight(index) + gap
    }
  }

  private func draw(
    _ row: [Picture], index: Int, on canvas: Canvas, at corner: Point, height: Double
  ) {
    for (i, picture) in row.enumerated() {
      let x = corner.x + Double(i) * (columnWidth + gap) + (columnWidth - cellWidth) / 2
      let own = cellWidth * Double(picture.height) / Double(picture.width)
      let box = Rectangle(x: x, y: corner.y + (height - own) / 2, width: cellWidth, height: own)
      canvas.draw(picture, in: box, smooth: isSmooth)
      if hasOutlines { canvas.stroke(.rectangle(box), Color(gray: 0.8), width: 0.8) }
      guard index < captions.count, i < captions[index].count else { continue }
      canvas.text(
        captions[index][i], at: Point(x + cellWidth / 2, corner.y + height + 4), anchor: .top)
    }
  }
}
