import Figures
import Foundation
import Tensors

/// Small pictures in rows, each pixel several pixels wide, with a little white between them.
enum PictureGrid {
  /// Puts rows of equally large pictures into one.
  static func assembled(_ rows: [[Picture]], magnification: Int = 3, gap: Int = 4) -> Picture {
    guard let size = rows.first?.first else { fatalError("a grid without pictures") }
    let width = size.width * magnification + gap
    let height = size.height * magnification + gap
    let columns = rows.map(\.count).max() ?? 0
    var grid = Picture(width: columns * width + gap, height: rows.count * height + gap)
    for (row, pictures) in rows.enumerated() {
      for (column, picture) in pictures.enumerated() {
        let large = picture.magnified(by: magnification)
        let left = gap + column * width
        let top = gap + row * height
        for y in 0..<large.height {
          let source = y * large.width * 3
          let target = ((top + y) * grid.width + left) * 3
          grid.bytes.replaceSubrange(
            target..<target + large.width * 3, with: large.bytes[source..<source + large.width * 3])
        }
      }
    }
    return grid
  }

  /// The pictures of a batch `[batch, 3, height, width]` with values in -1…1.
  static func pictures(_ images: Tensor) -> [Picture] {
    let elements = images.elements
    let each = images.count / max(1, images.shape[0])
    return (0..<images.shape[0]).map { index in
      Picture(
        planar: Array(elements[index * each..<(index + 1) * each]), width: images.shape[3],
        height: images.shape[2])
    }
  }
}
