import SyntheticData
import Testing

@Suite struct SyntheticImagesTests {
  @Test func imageDependsOnItsIndexAlone() {
    let many = SyntheticImages.images(40)
    let few = SyntheticImages.images(7, from: 21)
    for i in 0..<7 {
      #expect(few.bytes(i) == many.bytes(21 + i))
      #expect(few.labels[i] == (21 + i) % 10)
    }
    #expect(many.pixels != SyntheticImages.images(40, seed: 1).pixels)
    #expect(many.classNames.count == 10 && many.pixels.count == 40 * 3072)
  }

  @Test func imagesOfAClassVaryAndAreNotFlat() {
    let images = SyntheticImages.images(200)
    for label in 0..<10 {
      let pictures = (0..<20).map { images.ofClass(label).bytes($0) }
      #expect(Set(pictures).count == 20)
      for picture in pictures {
        #expect(Set(picture).count > 12)
        let (low, high) = (picture.min()!, picture.max()!)
        #expect(high - low > 40)
      }
    }
  }

  @Test func classesCanBeToldApart() {
    // Stripes change along one axis only, up to the slant.
    func roughness(_ picture: [UInt8], _ step: Int) -> Int {
      (0..<30).reduce(0) { sum, row in
        sum
          + (0..<30).reduce(0) { part, column in
            let place = row * 32 + column
            return part + abs(Int(picture[place]) - Int(picture[place + step]))
          }
      }
    }
    let images = SyntheticImages.images(600)
    for i in images.labels.indices where images.labels[i] == 6 {
      #expect(roughness(images.bytes(i), 32) > roughness(images.bytes(i), 1))
    }
    for i in images.labels.indices where images.labels[i] == 7 {
      #expect(roughness(images.bytes(i), 1) > roughness(images.bytes(i), 32))
    }
  }
}
