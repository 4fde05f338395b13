/// Numbers on a rectangular grid of equal cells, each standing for the middle of its cell.
public struct Field: Equatable, Sendable {
  /// The ends of the grid across.
  public let x: ClosedRange<Double>
  /// The ends of the grid upward.
  public let y: ClosedRange<Double>
  /// The numbers, row by row from the lowest `y` upward: `[rows, columns]`.
  public let values: [[Double]]

  /// The number of cells across.
  public var columns: Int { values[0].count }
  /// The number of cells upward.
  public var rows: Int { values.count }

  /// Makes a field from rows of numbers; the first row lies at the lower end of `y`.
  public init(x: ClosedRange<Double>, y: ClosedRange<Double>, values: [[Double]]) {
    guard let first = values.first, !first.isEmpty,
      values.allSatisfy({ $0.count == first.count })
    else { fatalError("a field needs equally long rows of numbers") }
    self.x = x
    self.y = y
    self.values = values
  }

  /// Evaluates a function at the middle of every cell.
  public init(
    x: ClosedRange<Double>, y: ClosedRange<Double>, columns: Int = 120, rows: Int = 120,
    _ function: (Double, Double) -> Double
  ) {
    self.init(
      x: x, y: y,
      values: (0..<rows).map { j in
        let v = Field.middle(j, of: rows, in: y)
        return (0..<columns).map { i in function(Field.middle(i, of: columns, in: x), v) }
      })
  }

  /// Counts points by cell and divides by their number and the area of a cell: the density of the
  /// points, whose integral is the share that lies in the rectangle.
  public init(
    densityOf xs: [Double], _ ys: [Double], x: ClosedRange<Double>, y: ClosedRange<Double>,
    columns: Int = 60, rows: Int = 60
  ) {
    let width = (x.upperBound - x.lowerBound) / Double(columns)
    let height = (y.upperBound - y.lowerBound) / Double(rows)
    var values = [[Double]](repeating: [Double](repeating: 0, count: columns), count: rows)
    let weight = 1 / (Double(max(xs.count, 1)) * width * height)
    for (a, b) in zip(xs, ys) where x.contains(a) && y.contains(b) {
      let i = min(columns - 1, Int((a - x.lowerBound) / width))
      let j = min(rows - 1, Int((b - y.lowerBound) / height))
      values[j][i] += weight
    }
    self.init(x: x, y: y, values: values)
  }

  static func middle(_ i: Int, of count: Int, in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (Double(i) + 0.5) / Double(count) * (range.upperBound - range.lowerBound)
  }

  /// The smallest and the largest finite number, if there is one.
  public var extent: ClosedRange<Double>? { Scale.linear.extent(values.joined()) }
}
