import Datasets
import Evaluation
import Figures
import Learning
import Models
import Networks
import Tensors

extension Picture {
  /// The images of a batch `[batch, channels, height, width]` with values in -1…1.
  public static func images(of batch: Tensor) -> [Picture] {
    let elements = batch.elements
    let size = batch.count / max(1, batch.shape[0])
    return (0..<batch.shape[0]).map { index in
      Picture(
        planar: Array(elements[index * size..<(index + 1) * size]), width: batch.shape[3],
        height: batch.shape[2])
    }
  }
}

/// A row of eight samples of each class, from the same noise at every call.
func sampleGrid(_ model: LatentDiffusionModel, steps: Int) -> Picture {
  let perClass = 8
  let request = SampleRequest(
    labels: model.classes.indices.flatMap { [Int](repeating: $0, count: perClass) },
    steps: min(steps, model.schedule.steps))
  return ImageGrid(Picture.images(of: request.images(from: model)), columns: perClass).pixels()
}

/// Images of a set and, under each, its reconstruction by the autoencoder.
func reconstructionGrid(
  _ autoencoder: Autoencoder, _ images: LabeledImages, _ indices: [Int], columns: Int = 10
) -> Picture {
  let x = images.tensor(indices)
  let y: Tensor = autoencoder.decode(autoencoder.encode(x).mean)
  let (originals, reconstructions) = (Picture.images(of: x), Picture.images(of: y))
  let rows = stride(from: 0, to: indices.count, by: columns).flatMap { start in
    let range = start..<min(start + columns, indices.count)
    return [Array(originals[range]), Array(reconstructions[range])]
  }
  return ImageGrid(rows: rows).pixels()
}

/// Images in the first column; beside each the three training images with the nearest features, and
/// the three with the nearest pixels: copies of training images would show here.
func nearestGrid(
  _ images: Tensor, _ outputs: ClassifierOutputs, _ reference: ReferenceFeatures,
  _ training: LabeledImages
) -> Picture {
  let byFeatures = nearestNeighbors(
    to: outputs.features, in: reference.training.features, count: 3)
  let byPixels = nearestImages(to: images, in: training, count: 3)
  let rows = Picture.images(of: images).enumerated().map { row, image in
    let nearest = training.tensor((byFeatures[row] + byPixels[row]).map(\.index))
    return [image] + Picture.images(of: nearest)
  }
  return ImageGrid(rows: rows).pixels()
}
