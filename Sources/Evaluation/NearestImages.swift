import Datasets
import Tensors

/// Finds the images of a set whose pixels are nearest to given images.
///
/// - Parameters:
///   - images: `[count, channels, height, width]`.
///   - count: how many to find for each.
/// - Returns: the nearest images of each, the nearest first.
public func nearestImages(
  to images: Tensor, in set: LabeledImages, count: Int, batchSize: Int = 5000
) -> [[Neighbor]] {
  var nearest = [[Neighbor]](repeating: [], count: images.shape[0])
  for start in stride(from: 0, to: set.count, by: batchSize) {
    let range = start..<min(start + batchSize, set.count)
    let found = nearestNeighbors(
      to: images, in: set.tensor(Array(range)), count: min(count, range.count))
    for (row, neighbors) in found.enumerated() {
      let moved = neighbors.map { Neighbor(index: $0.index + start, distance: $0.distance) }
      let sorted = (nearest[row] + moved).sorted { $0.distance < $1.distance }
      nearest[row] = Array(sorted.prefix(count))
    }
  }
  return nearest
}
