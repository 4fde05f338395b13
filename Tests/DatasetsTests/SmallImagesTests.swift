import Datasets
import Files
import Foundation
import Tensors
import Testing

@Suite struct SmallImagesTests {
  @Test func aReducedPictureHoldsTheRoundedMeansOfItsSquares() {
    let images = LabelledImages(
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
    let images = LabelledImages(
      name: "test", classNames: ["a"], channels: 3, height: 1, width: 4,
      pixels: [255, 0, 0, 9] + [0, 255, 0, 9] + [0, 0, 255, 9], labels: [0])
    #expect(images.gray().pixels == [76, 150, 29, 9])
    #expect(images.gray().gray().pixels == [76, 150, 29, 9])
  }

  @Test func smallShapesAreThoseOfTheLargeSet() throws {
    let small = try SmallImages.load(30)
    #expect(small.height == 16 && small.width == 16 && small.channels == 1)
    #expect(small.labels == (0..<30).map { $0 % 10 })
    #expect(small.pixels.min() == 0 && small.pixels.max() == 255)
    #expect(small.pixels != SmallImages.synthetic(30, part: .test).pixels)
    #expect(small.pixels != SmallImages.synthetic(30, seed: 1).pixels)
    let colored = SmallImages.synthetic(30, style: .colored)
    #expect(colored.pixels == SyntheticImages.images(30).reduced(by: 2).pixels)
  }

  @Test func aStencilHasTheFormOfTheColoredPicture() {
    let (colored, stencil) = (
      SyntheticImages.images(6, seed: 4), SyntheticImages.images(6, seed: 4, style: .stencil)
    )
    for i in 0..<6 {
      // Inside and outside of a shape differ in color, and do not vary much by themselves.
      let (picture, form) = (colored.bytes(i), stencil.bytes(i))
      func mean(_ isInside: Bool, _ plane: Int) -> Double {
        let places = (plane * 1024..<(plane + 1) * 1024).filter { (form[$0] > 127) == isInside }
        return places.reduce(0.0) { $0 + Double(picture[$1]) } / Double(places.count)
      }
      let gap = (0..<3).map { abs(mean(true, $0) - mean(false, $0)) }.max()!
      #expect(gap > 40, "picture \(i)")
    }
  }

  @Test func aMissingFolderIsAnErrorWithItsName() {
    #expect(throws: Failure.self) { try SmallImages.load(5, source: "/no/such/folder") }
  }
}
