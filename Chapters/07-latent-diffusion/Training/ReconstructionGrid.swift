import Datasets
import Figures
import Learning
import Networks
import Tensors

/// Images of a set and, under each, what the autoencoder gives back.
func reconstructionGrid(
  _ autoencoder: Autoencoder, _ images: LabelledImages, _ indices: [Int], columns: Int = 10
) -> Picture {
  let x = images.tensor(indices)
  let y: Tensor = autoencoder.decode(autoencoder.encode(x).mean)
  let originals = PictureGrid.pictures(x)
  let returned = PictureGrid.pictures(y)
  let rows = stride(from: 0, to: indices.count, by: columns).flatMap { start in
    let range = start..<min(start + columns, indices.count)
    return [Array(originals[range]), Array(returned[range])]
  }
  return PictureGrid.assembled(rows)
}
