/// Finds the curves along which a field has one value, with marching squares.
enum Contour {
  /// Returns the curves of a level as polylines in the coordinates of the field; a curve that
  /// does not leave the grid is closed: its last point is its first.
  static func lines(of field: Field, at level: Double) -> [[Point]] {
    var joins: [Int: [Int]] = [:]
    for j in 0..<field.rows - 1 {
      for i in 0..<field.columns - 1 {
        for (a, b) in segments(of: field, cell: (i, j), at: level) {
          joins[a, default: []].append(b)
          joins[b, default: []].append(a)
        }
      }
    }
    return chains(joins).map { chain in chain.map { crossing($0, in: field, at: level) } }
  }

  // A crossing is named by the edge of the grid that it lies on: the edge that runs right (even)
  // or up (odd) from the node (i, j). Two segments of neighboring cells meet on such an edge.
  private static func edge(_ i: Int, _ j: Int, isVertical: Bool, in field: Field) -> Int {
    2 * (j * field.columns + i) + (isVertical ? 1 : 0)
  }

  private static func segments(
    of field: Field, cell: (i: Int, j: Int), at level: Double
  ) -> [(Int, Int)] {
    let (i, j) = cell
    let v = [
      field.values[j][i], field.values[j][i + 1], field.values[j + 1][i + 1],
      field.values[j + 1][i],
    ]
    guard v.allSatisfy(\.isFinite) else { return [] }
    let bottom = edge(i, j, isVertical: false, in: field)
    let right = edge(i + 1, j, isVertical: true, in: field)
    let top = edge(i, j + 1, isVertical: false, in: field)
    let left = edge(i, j, isVertical: true, in: field)
    let above = v.enumerated().reduce(0) { $0 | ($1.element > level ? 1 << $1.offset : 0) }
    switch above {
    case 1, 14: return [(left, bottom)]
    case 2, 13: return [(bottom, right)]
    case 3, 12: return [(left, right)]
    case 4, 11: return [(right, top)]
    case 6, 9: return [(bottom, top)]
    case 7, 8: return [(left, top)]
    case 5, 10:
      // A saddle: the mean of the corners decides which two of them are joined.
      let isHigh = v.reduce(0, +) / 4 > level
      return isHigh == (above == 5)
        ? [(left, top), (bottom, right)] : [(left, bottom), (right, top)]
    default: return []
    }
  }

  // Open curves are followed from their ends first; what remains are loops.
  private static func chains(_ joins: [Int: [Int]]) -> [[Int]] {
    var joins = joins
    var chains: [[Int]] = []
    let names = joins.keys.sorted()
    let starts = names.filter { joins[$0]?.count == 1 } + names
    for start in starts {
      guard joins[start]?.isEmpty == false else { continue }
      var chain = [start]
      while let here = chain.last, let next = joins[here]?.first {
        joins[here]?.removeFirst()
        if let back = joins[next]?.firstIndex(of: here) { joins[next]?.remove(at: back) }
        chain.append(next)
      }
      chains.append(chain)
    }
    return chains
  }

  private static func crossing(_ name: Int, in field: Field, at level: Double) -> Point {
    let node = name / 2
    let (i, j) = (node % field.columns, node / field.columns)
    let isVertical = name % 2 == 1
    let a = field.values[j][i]
    let b = isVertical ? field.values[j + 1][i] : field.values[j][i + 1]
    let f = (level - a) / (b - a)
    let x = Field.middle(i, of: field.columns, in: field.x)
    let y = Field.middle(j, of: field.rows, in: field.y)
    let dx = (field.x.upperBound - field.x.lowerBound) / Double(field.columns)
    let dy = (field.y.upperBound - field.y.lowerBound) / Double(field.rows)
    return isVertical ? Point(x, y + f * dy) : Point(x + f * dx, y)
  }
}
