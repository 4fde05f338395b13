import Datasets
import Files
import SyntheticData
import Testing

@Suite struct SmallImagesTests {
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

  @Test func aStencilHasTheFormOfTheColoredImage() {
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
