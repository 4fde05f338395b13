import Evaluation
import Files
import Foundation
import Learning
import Models
import Networks
import Notebook
import Tensors

extension Evaluate {
  func evaluateReconstructions(_ reference: ReferenceFeatures, _ images: TrainingData) throws {
    let autoencoder = try Autoencoder(loading: weights.folder)
    let test = images.test
    let count = min(count, test.count)
    let labels = Array(test.labels.prefix(count))
    let outputs = outputs(labels, reference.classifier, "classifying reconstructions") {
      AutoencoderMeasurement.reconstructed(autoencoder, test.tensor(Array($0)), from: $0.lowerBound)
    }
    var sets = [
      ("real test images", try reference.measure(reference.test.prefix(count))),
      ("reconstructions", try reference.measure(outputs)),
    ]
    let kept = AutoencoderMeasurement(autoencoder, test, count: count).values
    var rows = CSVTable(
      notes: [commandLine, images.description.note],
      columns: ["set"] + ImageSetMeasurement.columns + AutoencoderMeasurement.names)
    rows.append(sets[0].1.values, words: ["set": "test"])
    rows.append(sets[1].1.values.merging(kept) { $1 }, words: ["set": "autoencoder"])
    var lines = AutoencoderMeasurement.names.map {
      "\($0) \(String(format: "%.4f", kept[$0] ?? .nan))"
    }
    for linear in try linearReconstructions(reference, images, labels) {
      sets.append(("PCA-\(linear.components)", linear.measured))
      rows.append(
        linear.measured.values.merging(["psnr_mean": linear.psnr]) { $1 },
        words: ["set": "pca-\(linear.components)"])
      lines.append("pca-\(linear.components) PSNR \(String(format: "%.2f dB", linear.psnr))")
    }
    print(ImageSetMeasurement.table(sets))
    print(lines.joined(separator: "\n"))
    try write(rows)
  }

  /// Reconstructions from principal components, if `--linear` asks for them.
  private func linearReconstructions(
    _ reference: ReferenceFeatures, _ images: TrainingData, _ labels: [Int]
  ) throws -> [(components: Int, measured: ImageSetMeasurement, psnr: Double)] {
    guard linear else { return [] }
    let bar = ProgressBar("adding up products of pixels", total: images.training.count)
    let analysis = try PrincipalComponents(images.training) { bar.move(to: $0) }
    bar.finish()
    return try [256, 512].map { count in
      var ratios: [Double] = []
      let outputs = outputs(labels, reference.classifier, "classifying \(count) components") {
        let x = images.test.tensor(Array($0))
        let y = analysis.reconstructed(x, components: count)
        ratios += peakSignalToNoise(y, x)
        return y
      }
      return (
        count, try reference.measure(outputs), ratios.reduce(0, +) / Double(ratios.count)
      )
    }
  }
}
