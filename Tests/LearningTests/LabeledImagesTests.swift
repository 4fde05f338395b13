import Datasets
import Learning
import Tensors
import Testing

@Suite struct ImageTensorTests {
  /// Images of 2x3 pixels in one plane, whose first byte is their index.
  let images = LabeledImages(
    name: "test", classNames: ["a", "b"], channels: 1, height: 2, width: 3,
    pixels: (0..<23).flatMap { i in [UInt8(i), 100, 200, 1, 2, 3] }, labels: (0..<23).map { $0 % 2 }
  )

  @Test func shiftedImagesMoveAfterMirroringAndLetZerosIn() {
    func numbers(_ bytes: [UInt8?]) -> [Float] { bytes.map { $0.map(LabeledImages.value) ?? 0 } }
    func shifted(_ rows: Int, _ columns: Int, mirrored: Bool = false) -> [Float] {
      images.tensor([7], mirrored: [mirrored], shifts: [(rows, columns)]).elements
    }
    #expect(shifted(0, 0) == numbers([7, 100, 200, 1, 2, 3]))
    #expect(shifted(0, 1) == numbers([nil, 7, 100, nil, 1, 2]))
    #expect(shifted(1, 0) == numbers([nil, nil, nil, 7, 100, 200]))
    #expect(shifted(-1, -2) == numbers([3, nil, nil, nil, nil, nil]))
    #expect(shifted(0, 1, mirrored: true) == numbers([nil, 200, 100, nil, 3, 2]))
    #expect(shifted(2, 5) == numbers([nil, nil, nil, nil, nil, nil]))
  }

  @Test func mirroringReversesRowsAndNothingElse() {
    let plain = images.tensor([7])
    let mirrored = images.tensor([7], mirrored: [true])
    #expect(plain.shape == [1, 1, 2, 3])
    for row in 0..<2 {
      for column in 0..<3 { #expect(mirrored[0, 0, row, column] == plain[0, 0, row, 2 - column]) }
    }
    #expect(images.tensor.slice(7..<8) == plain)
  }
}
