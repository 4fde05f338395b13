import Datasets
import Evaluation
import Figures
import Tensors

/// Images in the first column; beside each the three training images with the nearest features, and
/// the three with the nearest pixels: a model that copies would show itself here.
func nearestTrainingImages(
  to images: Tensor, _ judged: JudgedImages, _ yardstick: Yardstick, _ training: LabelledImages
) -> Picture {
  let byFeatures = nearestNeighbours(
    to: judged.features, in: yardstick.training.features, count: 3)
  var byPixels = [[Neighbour]](repeating: [], count: images.shape[0])
  for start in stride(from: 0, to: training.count, by: 5000) {
    let range = start..<min(start + 5000, training.count)
    let found = nearestNeighbours(
      to: images, in: training.tensor(Array(range)), count: min(3, range.count))
    for (row, neighbours) in found.enumerated() {
      let moved = neighbours.map { Neighbour(index: $0.index + start, distance: $0.distance) }
      byPixels[row] = Array((byPixels[row] + moved).sorted { $0.distance < $1.distance }.prefix(3))
    }
  }
  let drawn = PictureGrid.pictures(images)
  let rows = drawn.indices.map { row in
    [drawn[row]]
      + PictureGrid.pictures(training.tensor((byFeatures[row] + byPixels[row]).map(\.index)))
  }
  return PictureGrid.assembled(rows)
}
