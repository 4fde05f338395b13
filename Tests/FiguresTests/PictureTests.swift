import Foundation
import Testing

@testable import Figures

@Test func everyByteSurvivesTheWayToFloatsAndBack() {
  var picture = Picture(width: 16, height: 16)
  for i in 0..<256 { picture[i % 16, i / 16] = (UInt8(i), UInt8(255 - i), UInt8(i / 2)) }
  #expect(Picture(planar: picture.planar(), width: 16, height: 16) == picture)
  let unit = picture.planar(range: 0...1)
  #expect(Picture(planar: unit, width: 16, height: 16, range: 0...1) == picture)
}

@Test func valuesAreRoundedAndNotTruncated() {
  let values: [Float] = [-1, 0, 1, 0.9999, -3, 7, .nan, 2.4 / 255 * 2 - 1]
  let picture = Picture(planar: values, width: 4, height: 2)
  #expect((0..<8).map { picture[$0 % 4, $0 / 4].red } == [0, 128, 255, 255, 0, 255, 0, 2])
  #expect(Picture.byte(unit: 0.5 / 255) == 1)
  #expect(Picture.byte(unit: 0.49 / 255) == 0)
  #expect(Picture.byte(unit: 254.5 / 255) == 255)
}

@Test func planesBecomeTheChannelsOfPixels() {
  let picture = Picture(planar: [1, -1, -1, 1, 0, 0], width: 2, height: 1)
  #expect(picture.bytes == [255, 0, 128, 0, 255, 128])
  let gray = Picture(planar: [1, -1], width: 2, height: 1)
  #expect(gray.bytes == [255, 255, 255, 0, 0, 0])
}

@Test func magnifyingRepeatsPixels() {
  let picture = Picture(width: 2, height: 1, bytes: [1, 2, 3, 4, 5, 6])
  let row: [UInt8] = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]
  #expect(picture.magnified(by: 2).bytes == row + row)
}

@Test func aPictureDrawnIntoItsOwnSizeIsUnchanged() {
  var noise = Gallery.Noise(state: 3)
  let picture = Picture(
    width: 13, height: 7,
    bytes: (0..<13 * 7 * 3).map { _ in UInt8(truncatingIfNeeded: noise.next() >> 30) })
  let drawn = Picture(drawing: 13, 7) { $0.draw(picture, in: Rectangle($0.size)) }
  #expect(drawn == picture)
  let larger = Picture(drawing: 39, 21) { $0.draw(picture, in: Rectangle($0.size)) }
  #expect(larger == picture.magnified(by: 3))
}

@Test func fillsClipsAndTransformsGoWhereTheyShould() {
  let picture = Picture(drawing: 8, 8, background: .black) { canvas in
    canvas.clipped(to: Rectangle(x: 0, y: 0, width: 4, height: 8)) {
      canvas.fill(.rectangle(Rectangle(x: 2, y: 2, width: 6, height: 2)), .white)
    }
    canvas.translated(to: Point(5, 5)) {
      canvas.scaled(x: 2, y: 1) {
        canvas.fill(.rectangle(Rectangle(x: 0, y: 0, width: 1, height: 1)), Color(hex: 0xFF0000))
      }
    }
    canvas.rotated(by: .pi / 2, about: Point(4, 4)) {
      canvas.fill(.rectangle(Rectangle(x: 0, y: 0, width: 1, height: 1)), Color(hex: 0x00FF00))
    }
  }
  for y in 0..<8 {
    for x in 0..<8 {
      let p = picture[x, y]
      let expected: (UInt8, UInt8, UInt8) =
        switch (x, y) {
        case (2...3, 2...3): (255, 255, 255)
        case (5...6, 5): (255, 0, 0)
        case (7, 0): (0, 255, 0)
        default: (0, 0, 0)
        }
      #expect(p == expected, "\(x) \(y)")
    }
  }
}

@Test func aDiscHasItsArea() {
  let picture = Picture(drawing: 100, 100, background: .black) { canvas in
    canvas.fill(.circle(center: Point(50, 50), radius: 40), .white)
    canvas.fill(.ellipse(center: Point(50, 50), radii: Size(20, 10)), .black)
  }
  let area = picture.bytes.reduce(0.0) { $0 + Double($1) } / (3 * 255)
  #expect(abs(area - .pi * (1600 - 200)) < 0.002 * area)
}

@Test func rowsOfNumbersTakeTheColorsOfTheScale() {
  let picture = Picture(rows: [[0, 1], [0.5, 2]], scale: ColorScale(.gray, limits: 0...1))
  #expect((0..<4).map { picture[$0 % 2, $0 / 2].green } == [0, 255, 128, 255])
}
