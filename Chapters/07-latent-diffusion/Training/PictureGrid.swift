import Figures
import Foundation
import Learning
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

  /// A row of samples of each class, from the same noise at every call.
  static func samples(of model: some PictureModel, steps: Int) -> Picture {
    let each = 8
    let request = SampleRequest(
      labels: model.classes.indices.flatMap { [Int](repeating: $0, count: each) },
      steps: min(steps, model.schedule.steps))
    let pictures = pictures(request.images(from: model))
    return assembled(model.classes.indices.map { Array(pictures[$0 * each..<($0 + 1) * each]) })
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
