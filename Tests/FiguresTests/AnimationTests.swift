import Files
import Foundation
import Testing

@testable import Figures

/// A disc that wanders over a ground of `colors` colors.
private func wandering(colors: Int, frames: Int = 6) -> [Picture] {
  (0..<frames).map { k in
    var picture = Picture(width: 61, height: 40)
    for i in 0..<61 * 40 {
      let c = i % colors
      picture[i % 61, i / 61] = (UInt8(c % 256), UInt8(c / 256 * 40 % 256), UInt8(c * 7 % 256))
    }
    for y in 0..<40 {
      for x in 0..<61 where (x - 8 * k - 8) * (x - 8 * k - 8) + (y - 20) * (y - 20) < 60 {
        picture[x, y] = (200, 30, 60)
      }
    }
    return picture
  }
}

@Test(arguments: [2, 100, 254])
func aGIFOfFewColorsDecodesToItsPictures(_ colors: Int) throws {
  let frames = wandering(colors: colors)
  let decoded = try GIFReader(try Animation(frames, delay: 0.07, lastDelay: 1.2).gif())
  #expect(decoded.pictures == frames)
  #expect(decoded.hundredths == [7, 7, 7, 7, 7, 120])
  #expect(decoded.loops)
}

// The best 255 rectangles that share a plane of colors, green counting twice as much as red, are
// 19 by 13.5: the root of the mean square over three channels is then 3.9.
@Test func aGIFOfManyColorsComesCloseToItsPictures() throws {
  var ramp = Picture(width: 256, height: 256)
  for y in 0..<256 { for x in 0..<256 { ramp[x, y] = (UInt8(x), UInt8(y), 90) } }
  let frames = [ramp]
  let decoded = try GIFReader(try Animation(frames, loops: false).gif())
  #expect(!decoded.loops)
  for (picture, frame) in zip(decoded.pictures, frames) {
    let errors = zip(picture.bytes, frame.bytes).map { Double($0) - Double($1) }
    let rootMeanSquare = (errors.map { $0 * $0 }.reduce(0, +) / Double(errors.count)).squareRoot()
    #expect(rootMeanSquare < 1.25 * 3.9)
  }
}

@Test func anUnchangedFrameTakesNextToNothing() throws {
  let frame = wandering(colors: 254)[0]
  let one = try Animation([frame]).gif().count
  let ten = try Animation([Picture](repeating: frame, count: 10)).gif()
  #expect(ten.count < one + 9 * 40)
  #expect(try GIFReader(ten).pictures == [Picture](repeating: frame, count: 10))
}

@Test(arguments: [0, 1, 3, 1000, 5000, 60000])
func compressionCanBeUndone(_ count: Int) throws {
  var noise = Gallery.Noise(state: 5)
  for bits in [2, 5, 8] {
    let symbols = (0..<count).map { _ in UInt8(noise.next() >> 20 & UInt64((1 << bits) - 1)) }
    #expect(try GIFReader.expanded(LZW.compressed(symbols, bits: bits), bits: bits) == symbols)
    let dull = [UInt8](repeating: 1, count: count)
    #expect(try GIFReader.expanded(LZW.compressed(dull, bits: bits), bits: bits) == dull)
  }
}

@Test func anAnimatedPNGHoldsEveryFrameWhole() throws {
  let frames = wandering(colors: 2400, frames: 3)
  let bytes = try Animation(frames, delays: [0.1, 0.2, 0.3]).animatedPNG()
  let chunks = PNGChunk.chunks(of: bytes)
  #expect(bytes == PNGChunk.signature + chunks.flatMap(\.bytes), "every check sum is right")
  #expect(chunks.map(\.type).filter { $0 == "fcTL" }.count == 3)
  #expect(chunks.first { $0.type == "acTL" }?.data == [0, 0, 0, 3, 0, 0, 0, 0])
  let sequence = chunks.filter { ["fcTL", "fdAT"].contains($0.type) }.map { $0.data[3] }
  #expect(sequence == (0..<UInt8(sequence.count)).map { $0 })
  #expect(chunks.filter { $0.type == "fcTL" }.map { $0.data[21] } == [10, 20, 30])
}

@Test func checkSumOfPNGIsThatOfTheStandard() {
  #expect(PNGChunk.check(Array("123456789".utf8)) == 0xCBF4_3926)
}

@Test func framesOfDifferentSizesAreRefused() {
  let animation = Animation([Picture(width: 4, height: 4), Picture(width: 5, height: 4)])
  #expect(throws: Failure.frames("frame 1 is 5x4, the first one 4x4")) {
    try animation.gif()
  }
  #expect(throws: Failure.frames("there are no frames")) { try Animation([]).animatedPNG() }
}

// To look at the files with another program: FIGURES_GALLERY=/tmp/gallery swift test.
@Test func animationsAreWrittenByTheirExtension() throws {
  let chosen = ProcessInfo.processInfo.environment["FIGURES_GALLERY"]
  let folder = try URL(fileURLWithPath: chosen ?? temporaryFolder().path)
  let many = Animation(wandering(colors: 2400), delay: 0.2, lastDelay: 1)
  let kept = (0...10).map { 1 - Double($0) / 10 }
  let drawn = Animation(
    drawing: kept.map { share in
      Plot(
        title: "$\\bar\\alpha_t = \(Ticks.format(share, decimals: 1))$", x: "$x_t$", y: "density"
      )
      .curve(over: -4...4) { x in
        let s = (1 - 0.9 * share).squareRoot()
        return exp(-(x - 2 * share) * (x - 2 * share) / (2 * s * s)) / s
      }
    }, delay: 0.15)
  for name in ["many.gif", "many.png"] { try many.write(to: folder.appendingPathComponent(name)) }
  try drawn.write(to: folder.appendingPathComponent("drawn.gif"))
  let gif = try Data(contentsOf: folder.appendingPathComponent("drawn.gif"))
  #expect(try GIFReader([UInt8](gif)).pictures.count == 11)
  #expect(throws: Failure.unknownExtension("/a.mp4", supported: ["gif", "png"])) {
    try many.write(to: URL(fileURLWithPath: "/a.mp4"))
  }
}
