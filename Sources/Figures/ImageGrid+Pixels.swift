extension ImageGrid {
  /// The images alone, without texts, as one image.
  ///
  /// All images have the size of the first one.
  ///
  /// - Parameters:
  ///   - magnification: how many pixels wide each pixel becomes.
  ///   - gap: the white pixels between images and around them.
  public func pixels(magnification: Int = 3, gap: Int = 4) -> Picture {
    guard let size = rows.first?.first else { fatalError("a grid without images") }
    let width = size.width * magnification + gap
    let height = size.height * magnification + gap
    let columns = rows.map(\.count).max() ?? 0
    var grid = Picture(width: columns * width + gap, height: rows.count * height + gap)
    for (row, images) in rows.enumerated() {
      for (column, image) in images.enumerated() {
        grid.paste(
          image.magnified(by: magnification), left: gap + column * width, top: gap + row * height)
      }
    }
    return grid
  }
}

extension Picture {
  /// Replaces a rectangle of pixels by those of `other`.
  fileprivate mutating func paste(_ other: Picture, left: Int, top: Int) {
    let length = other.width * 3
    for y in 0..<other.height {
      let target = ((top + y) * width + left) * 3
      bytes.replaceSubrange(
        target..<target + length, with: other.bytes[y * length..<(y + 1) * length])
    }
  }
}
