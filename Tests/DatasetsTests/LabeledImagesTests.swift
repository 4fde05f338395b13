import Datasets
import Testing

@Suite struct LabeledImagesTests {
  /// Images of 2x3 pixels in one plane, whose first byte is their index.
  let images = LabeledImages(
    name: "test", classNames: ["a", "b"], channels: 1, height: 2, width: 3,
    pixels: (0..<23).flatMap { i in [UInt8(i), 100, 200, 1, 2, 3] }, labels: (0..<23).map { $0 % 2 }
  )

  @Test func subsetsKeepImagesWithTheirLabels() {
    let odd = images.ofClass(1)
    #expect(odd.count == 11 && odd.labels.allSatisfy { $0 == 1 })
    #expect(odd.bytes(2)[0] == 5)
    #expect(images.subset([22, 0]).bytes(0)[0] == 22)
  }

  @Test func aReducedImageHoldsTheRoundedMeansOfItsSquares() {
    let images = LabeledImages(
      name: "test", classNames: ["a"], channels: 3, height: 2, width: 4,
      pixels: [0, 1, 10, 20, 2, 3, 30, 40] + [UInt8](repeating: 255, count: 8)
        + [0, 0, 0, 0, 0, 1, 1, 1],
      labels: [0])
    let small = images.reduced(by: 2)
    #expect(small.height == 1 && small.width == 2 && small.channels == 3)
    #expect(small.pixels == [2, 25, 255, 255, 0, 1])
    #expect(images.reduced(by: 1).pixels == images.pixels)
  }

  @Test func grayWeighsTheColors() {
    let images = LabeledImages(
      name: "test", classNames: ["a"], channels: 3, height: 1, width: 4,
      pixels: [255, 0, 0, 9] + [0, 255, 0, 9] + [0, 0, 255, 9], labels: [0])
    #expect(images.gray().pixels == [76, 150, 29, 9])
    #expect(images.gray().gray().pixels == [76, 150, 29, 9])
  }
}
