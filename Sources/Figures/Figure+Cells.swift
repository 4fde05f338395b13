/// A panel with its place.
struct PanelCell {
  var panel: any Drawable
  var rectangle: Rectangle
  /// What an aligned plot keeps free around its frame, and the size it was planned for.
  var margins: Margins?
  var nominal: Size

  /// The frame of a plot.
  var frame: Rectangle? {
    guard let plot = panel as? Plot, let margins else { return nil }
    return plot.frame(in: rectangle.inset(by: margins)).rectangle
  }

  func draw(on canvas: Canvas) {
    if let plot = panel as? Plot, let margins {
      plot.draw(on: canvas, in: rectangle, margins: margins, nominal: nominal)
    } else {
      panel.draw(on: canvas, in: rectangle)
    }
  }
}

extension Figure {
  /// Returns the panels with their places in a grid whose upper left corner is `corner`.
  func cells(at corner: Point) -> [PanelCell] {
    let panels = preparedPanels()
    let margins = commonMargins(panels)
    let widths = evened(
      columnWidths,
      firstOf: { $0 < margins.count ? margins[$0].map { $0.left + $0.right } : nil })
    let heights = evened(
      rowHeights, firstOf: { margins[$0 * columns].map { $0.top + $0.bottom } })
    var cells: [PanelCell] = []
    var y = corner.y
    for r in 0..<rowCount {
      var x = corner.x
      for c in 0..<columnCount where r * columns + c < panels.count {
        let index = r * columns + c
        cells.append(
          PanelCell(
            panel: panels[index],
            rectangle: Rectangle(x: x, y: y, width: widths[c], height: heights[r]),
            margins: margins[index], nominal: Size(columnWidths[c], rowHeights[r])))
        x += widths[c] + Figure.gap
      }
      y += heights[r] + Figure.gap
    }
    return cells
  }

  // Cells of one size in all would give the plots with numbers at their axes smaller frames than
  // the others. So the frames get one size, and the cells what they need around them.
  private func evened(_ lengths: [Double], firstOf margin: (Int) -> Double?) -> [Double] {
    let margins = lengths.indices.map(margin)
    guard let first = lengths.first, lengths.allSatisfy({ $0 == first }),
      margins.allSatisfy({ $0 != nil })
    else { return lengths }
    let needed = margins.compactMap { $0 }
    let frame = (lengths.reduce(0, +) - needed.reduce(0, +)) / Double(lengths.count)
    return needed.map { $0 + frame }
  }

  // The widest margins of a column and the highest of a row, so that frames are aligned.
  private func commonMargins(_ panels: [any Drawable]) -> [Margins?] {
    let (widths, heights) = (columnWidths, rowHeights)
    let own = panels.enumerated().map { index, panel in
      (panel as? Plot)?.margins(for: Size(widths[index % columns], heights[index / columns]))
    }
    return own.indices.map { index in
      guard own[index] != nil else { return nil }
      let column = own.indices.filter { $0 % columns == index % columns }.compactMap { own[$0] }
      let row = own.indices.filter { $0 / columns == index / columns }.compactMap { own[$0] }
      return Margins(
        left: column.map(\.left).max() ?? 0, right: column.map(\.right).max() ?? 0,
        top: row.map(\.top).max() ?? 0, bottom: row.map(\.bottom).max() ?? 0)
    }
  }
}
