import Datasets
import Foundation
import Probability
import Tensors
import Testing

@Suite struct BatchTests {
  /// Pictures of 2x3 pixels in one plane, whose first byte is their index.
  let images = LabelledImages(
    name: "test", classNames: ["a", "b"], channels: 1, height: 2, width: 3,
    pixels: (0..<23).flatMap { i in [UInt8(i), 100, 200, 1, 2, 3] }, labels: (0..<23).map { $0 % 2 }
  )
  let generator = RandomGenerator(seed: 4)

  @Test func shiftedImagesMoveAfterMirroringAndLetZerosIn() {
    func numbers(_ bytes: [UInt8?]) -> [Float] { bytes.map { $0.map(PixelScale.number) ?? 0 } }
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

  @Test func epochShowsEveryImageOnce() {
    let batches = Batches(images, batchSize: 5, epoch: 0, using: generator, keepsRemainder: true)
    #expect(batches.count == 5)
    let all = Array(batches)
    #expect(all.map(\.indices.count) == [5, 5, 5, 5, 3])
    #expect(all.flatMap(\.indices).sorted() == Array(0..<23))
    for batch in all {
      #expect(batch.images.shape == [batch.indices.count, 1, 2, 3])
      #expect(batch.labels == batch.indices.map { $0 % 2 })
    }
    #expect(Batches(images, batchSize: 5, epoch: 0, using: generator).count == 4)
  }

  @Test func epochsDifferAndCanBeRepeated() {
    func order(_ epoch: Int) -> [Int] {
      Batches(images, batchSize: 4, epoch: epoch, using: generator).flatMap(\.indices)
    }
    #expect(order(1) == order(1))
    #expect(order(1) != order(2))
    let other = Batches(images, batchSize: 4, epoch: 1, using: RandomGenerator(seed: 5))
    #expect(order(1) != other.flatMap(\.indices))
  }

  @Test func brokenEpochGoesOnInItsMiddle() {
    let batches = Batches(images, batchSize: 4, epoch: 3, using: generator)
    let all = Array(batches)
    let rest = Array(batches.from(2))
    #expect(rest.map(\.indices) == all.dropFirst(2).map(\.indices))
    #expect(zip(rest, all.dropFirst(2)).allSatisfy { $0.images == $1.images })
    #expect(Array(batches.from(99)).isEmpty)
  }

  @Test func mirroringTurnsRowsAndNothingElse() {
    let plain = images.tensor([7])
    let turned = images.tensor([7], mirrored: [true])
    for row in 0..<2 {
      for column in 0..<3 { #expect(turned[0, 0, row, column] == plain[0, 0, row, 2 - column]) }
    }
    // About half are turned, whatever the batch size.
    func turnedImages(_ size: Int) -> Set<Int> {
      Set(
        Batches(images, batchSize: size, epoch: 0, using: generator, keepsRemainder: true)
          .flatMap { batch in
            batch.indices.enumerated().filter { entry, index in
              batch.images[entry, 0, 1, 0] != PixelScale.number(1)
            }.map { $0.element }
          })
    }
    let turnedByFive = turnedImages(5)
    #expect(turnedByFive == turnedImages(23))
    #expect(turnedByFive.count > 4 && turnedByFive.count < 19)
    let never = Batches(images, batchSize: 23, epoch: 0, using: generator, mirrors: false)
    for batch in never { #expect(batch.images == images.tensor(batch.indices)) }
  }

  @Test func subsetsKeepPicturesWithTheirLabels() {
    let odd = images.ofClass(1)
    #expect(odd.count == 11 && odd.labels.allSatisfy { $0 == 1 })
    #expect(odd.bytes(2)[0] == 5)
    #expect(images.subset([22, 0]).bytes(0)[0] == 22)
  }
}

@Suite struct SyntheticTests {
  @Test func pictureDependsOnItsIndexAlone() {
    let many = SyntheticImages.images(40)
    let few = SyntheticImages.images(7, from: 21)
    for i in 0..<7 {
      #expect(few.bytes(i) == many.bytes(21 + i))
      #expect(few.labels[i] == (21 + i) % 10)
    }
    #expect(many.pixels != SyntheticImages.images(40, seed: 1).pixels)
    #expect(many.classNames.count == 10 && many.pixels.count == 40 * 3072)
  }

  @Test func picturesOfAClassVaryAndAreNotFlat() {
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

@Suite struct PlaneSetTests {
  @Test func setsAreCentredAndScaled() {
    for set in PlaneSet.allCases {
      let (points, labels) = set.sample(40_000, using: RandomGenerator(seed: 1))
      var (mean, square) = ([0.0, 0.0], 0.0)
      for i in 0..<40_000 {
        for axis in 0..<2 {
          let x = Double(points[i, axis])
          mean[axis] += x / 40_000
          square += x * x / 80_000
        }
      }
      #expect(abs(mean[0]) < 0.03 && abs(mean[1]) < 0.03, "\(set) \(mean)")
      #expect(abs(square - 1) < 0.03, "\(set) \(square)")
      #expect(Set(labels) == Set(0..<set.classCount))
    }
  }

  @Test func pointDependsOnItsIndexAlone() {
    for set in PlaneSet.allCases {
      let many = set.sample(50, using: RandomGenerator(seed: 2))
      let few = set.sample(10, using: RandomGenerator(seed: 2))
      #expect(few.points == many.points.slice(0..<10))
      #expect(few.labels == Array(many.labels.prefix(10)))
    }
  }

  @Test func eightGaussiansLieOnACircle() {
    let (points, labels) = PlaneSet.eightGaussians.sample(8000, using: RandomGenerator(seed: 3))
    for label in 0..<8 {
      let members = labels.indices.filter { labels[$0] == label }
      let x = members.reduce(0.0) { $0 + Double(points[$1, 0]) } / Double(members.count)
      let y = members.reduce(0.0) { $0 + Double(points[$1, 1]) } / Double(members.count)
      let angle = Double.pi / 4 * Double(label)
      #expect(abs(x - PlaneSet.eightGaussiansRadius * cos(angle)) < 0.02)
      #expect(abs(y - PlaneSet.eightGaussiansRadius * sin(angle)) < 0.02)
    }
  }
}
