/// At most 255 colors that stand for all colors of some pictures.
struct ColorTable {
  /// The colors as `0xRRGGBB`.
  let colors: [UInt32]
  private let exact: [UInt32: UInt8]
  private var nearest: [Int16]

  static let capacity = 255
  // The eye is most sensitive to green and least to blue.
  private static let weights = SIMD3(3.0, 6, 2)

  /// Takes all colors if they are few, and otherwise cuts the space of colors into boxes.
  init(of pictures: [Picture]) {
    let counts = ColorTable.count(pictures)
    let few = counts.count <= ColorTable.capacity
    colors = few ? counts.keys.sorted() : ColorTable.reduced(counts)
    var exact: [UInt32: UInt8] = [:]
    for (index, color) in colors.enumerated() { exact[color] = UInt8(index) }
    self.exact = exact
    nearest = [Int16](repeating: -1, count: few ? 0 : 1 << 18)
  }

  /// Returns the number of the color that stands for each pixel.
  mutating func indices(of picture: Picture) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: picture.width * picture.height)
    var last: (color: UInt32, index: UInt8)?
    for i in result.indices {
      let color = ColorTable.color(picture.bytes, i)
      if last?.color != color { last = (color, index(of: color)) }
      result[i] = last?.index ?? 0
    }
    return result
  }

  private static func color(_ bytes: [UInt8], _ pixel: Int) -> UInt32 {
    UInt32(bytes[3 * pixel]) << 16 | UInt32(bytes[3 * pixel + 1]) << 8
      | UInt32(bytes[3 * pixel + 2])
  }

  // Colors that agree in six bits of each channel share one answer.
  private mutating func index(of color: UInt32) -> UInt8 {
    if let index = exact[color] { return index }
    let (r, g, b) = (Int(color >> 16), Int(color >> 8) & 255, Int(color) & 255)
    let key = (r >> 2) << 12 | (g >> 2) << 6 | b >> 2
    if nearest[key] >= 0 { return UInt8(nearest[key]) }
    var best = (distance: Int.max, index: 0)
    for (index, candidate) in colors.enumerated() {
      let dr = Int(candidate >> 16) - r
      let dg = Int(candidate >> 8) & 255 - g
      let db = Int(candidate) & 255 - b
      let distance = 3 * dr * dr + 6 * dg * dg + 2 * db * db
      if distance < best.distance { best = (distance, index) }
    }
    nearest[key] = Int16(best.index)
    return UInt8(best.index)
  }

  private static func count(_ pictures: [Picture]) -> [UInt32: Int] {
    var counts: [UInt32: Int] = [:]
    for picture in pictures {
      var run = (color: color(picture.bytes, 0), count: 0)
      for i in 0..<picture.width * picture.height {
        let next = color(picture.bytes, i)
        if next != run.color {
          counts[run.color, default: 0] += run.count
          run = (next, 0)
        }
        run.count += 1
      }
      counts[run.color, default: 0] += run.count
    }
    return counts
  }

  // MARK: - Cutting

  private struct Entry {
    var channels: SIMD3<Double>
    var count: Double
  }

  private struct Box {
    var range: Range<Int>
    var mean: SIMD3<Double>
    /// The sum of squared and weighted distances from the mean, channel by channel.
    var spread: SIMD3<Double>

    init(_ range: Range<Int>, _ entries: [Entry]) {
      self.range = range
      var total = 0.0
      var sum = SIMD3<Double>()
      var squares = SIMD3<Double>()
      for entry in entries[range] {
        total += entry.count
        sum += entry.count * entry.channels
        squares += entry.count * entry.channels * entry.channels
      }
      mean = sum / total
      spread = weights * (squares - total * mean * mean)
    }
  }

  // Median cut, but the box with the largest error is cut next, at its mean.
  private static func reduced(_ counts: [UInt32: Int]) -> [UInt32] {
    var entries = counts.sorted { $0.key < $1.key }.map { color, count in
      Entry(
        channels: SIMD3(Double(color >> 16), Double(color >> 8 & 255), Double(color & 255)),
        count: Double(count))
    }
    var boxes = [Box(0..<entries.count, entries)]
    while boxes.count < capacity {
      let candidates = boxes.indices.filter { boxes[$0].range.count > 1 }
      guard let next = candidates.max(by: { boxes[$0].spread.sum() < boxes[$1].spread.sum() })
      else { break }
      let box = boxes[next]
      let channel = (0..<3).max { box.spread[$0] < box.spread[$1] } ?? 0
      entries[box.range].sort { $0.channels[channel] < $1.channels[channel] }
      let cut = entries[box.range].firstIndex { $0.channels[channel] > box.mean[channel] }
      let last = box.range.upperBound - 1
      let middle = min(max(cut ?? last, box.range.lowerBound + 1), last)
      boxes[next] = Box(box.range.lowerBound..<middle, entries)
      boxes.append(Box(middle..<box.range.upperBound, entries))
    }
    let colors = boxes.map { box in
      (0..<3).reduce(UInt32(0)) { $0 << 8 | UInt32(min(255, max(0, box.mean[$1].rounded()))) }
    }
    return Set(colors).sorted()
  }
}
