/// Takes points out of a curve that nobody would miss on the page.
///
/// A training run has a hundred thousand steps and a figure four hundred pixels; a vector file
/// should not carry the difference.
enum Simplification {
  /// How far the drawn curve may lie from the given one, in pixels.
  static let tolerance = 0.04
  /// The width of the columns in which a dense curve keeps only its extremes.
  private static let column = 0.5

  /// Returns the pieces of a polyline between points that are not finite, simplified.
  static func pieces(_ points: [Point]) -> [[Point]] {
    points.split { !$0.isFinite }.map { straightened(thinned(Array($0))) }
  }

  // Several points to a column look like one vertical stroke from the lowest to the highest.
  private static func thinned(_ points: [Point]) -> [Point] {
    guard points.count > 2000 else { return points }
    var result: [Point] = []
    var start = 0
    while start < points.count {
      let left = points[start].x
      var end = start
      var (low, high) = (start, start)
      while end < points.count && abs(points[end].x - left) < column {
        if points[end].y < points[low].y { low = end }
        if points[end].y > points[high].y { high = end }
        end += 1
      }
      result += Set([start, low, high, end - 1]).sorted().map { points[$0] }
      start = end
    }
    return result
  }

  // Ramer, Douglas and Peucker: a stretch whose points all lie near its chord is the chord.
  private static func straightened(_ points: [Point]) -> [Point] {
    guard points.count > 2 else { return points }
    var isKept = [Bool](repeating: false, count: points.count)
    isKept[0] = true
    isKept[points.count - 1] = true
    var stretches = [(0, points.count - 1)]
    while let (a, b) = stretches.popLast() {
      var farthest = (distance: tolerance, index: -1)
      for i in a + 1..<max(b, a + 1) {
        let d = distance(points[i], from: points[a], to: points[b])
        if d > farthest.distance { farthest = (d, i) }
      }
      guard farthest.index >= 0 else { continue }
      isKept[farthest.index] = true
      stretches += [(a, farthest.index), (farthest.index, b)]
    }
    return zip(points, isKept).filter(\.1).map(\.0)
  }

  // The distance from a segment, not from its line: a curve may turn back beyond an end.
  private static func distance(_ p: Point, from a: Point, to b: Point) -> Double {
    let chord = b - a
    let offset = p - a
    let square = chord.x * chord.x + chord.y * chord.y
    guard square > 0 else { return offset.length }
    let share = min(max((offset.x * chord.x + offset.y * chord.y) / square, 0), 1)
    return (offset - share * chord).length
  }
}
