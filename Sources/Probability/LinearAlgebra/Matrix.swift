/// A small matrix in double precision, stored by rows, for covariances and their factorizations.
public struct Matrix: Sendable, Equatable {
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// The elements, row after row.
  public var elements: [Double]

  /// Creates a matrix from its elements, row after row.
  public init(rows: Int, columns: Int, _ elements: [Double]) {
    guard elements.count == rows * columns else {
      fatalError("\(elements.count) elements do not fill a matrix of \(rows) by \(columns)")
    }
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  /// Creates a matrix from its rows, all of one length.
  public init(_ rows: [[Double]]) {
    self.init(rows: rows.count, columns: rows.first?.count ?? 0, rows.flatMap { $0 })
  }

  /// Creates a matrix of zeros.
  public static func zeros(_ rows: Int, _ columns: Int) -> Matrix {
    Matrix(rows: rows, columns: columns, Array(repeating: 0, count: rows * columns))
  }

  /// Creates a matrix with `values` on the diagonal and zeros elsewhere.
  public static func diagonal(_ values: [Double]) -> Matrix {
    var result = zeros(values.count, values.count)
    for (i, value) in values.enumerated() { result[i, i] = value }
    return result
  }

  /// Creates the identity matrix of `count` rows.
  public static func identity(_ count: Int) -> Matrix {
    diagonal(Array(repeating: 1, count: count))
  }

  /// The element in a row and a column.
  public subscript(row: Int, column: Int) -> Double {
    get { elements[index(row, column)] }
    set { elements[index(row, column)] = newValue }
  }

  private func index(_ row: Int, _ column: Int) -> Int {
    guard row >= 0, row < rows, column >= 0, column < columns else {
      fatalError("element (\(row), \(column)) of a matrix of \(rows) by \(columns)")
    }
    return row * columns + column
  }

  /// The elements of one row.
  public func row(_ index: Int) -> [Double] {
    (0..<columns).map { self[index, $0] }
  }

  /// The elements of one column.
  public func column(_ index: Int) -> [Double] {
    (0..<rows).map { self[$0, index] }
  }

  /// The elements whose row and column agree.
  public var diagonal: [Double] { (0..<min(rows, columns)).map { self[$0, $0] } }

  /// The sum of the diagonal.
  public var trace: Double { diagonal.reduce(0, +) }

  /// The transpose.
  public var transposed: Matrix {
    var result = Matrix.zeros(columns, rows)
    for row in 0..<rows {
      for column in 0..<columns { result[column, row] = self[row, column] }
    }
    return result
  }

  /// The Frobenius norm: the root of the sum of all squares.
  public var norm: Double { elements.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

// MARK: - Arithmetic

extension Matrix {
  /// Adds element by element.
  public static func + (a: Matrix, b: Matrix) -> Matrix { a.combined(b, +) }

  /// Subtracts element by element.
  public static func - (a: Matrix, b: Matrix) -> Matrix { a.combined(b, -) }

  /// Multiplies every element by a number.
  public static func * (a: Double, b: Matrix) -> Matrix {
    Matrix(rows: b.rows, columns: b.columns, b.elements.map { a * $0 })
  }

  /// The matrix product.
  public static func * (a: Matrix, b: Matrix) -> Matrix {
    guard a.columns == b.rows else {
      fatalError("matrices of \(a.rows) by \(a.columns) and \(b.rows) by \(b.columns)")
    }
    var result = zeros(a.rows, b.columns)
    if result.elements.isEmpty || a.columns == 0 { return result }
    let (inner, width) = (a.columns, b.columns)
    unsafe a.elements.withUnsafeBufferPointer { a in
      unsafe b.elements.withUnsafeBufferPointer { b in
        unsafe result.elements.withUnsafeMutableBufferPointer { c in
          for row in 0..<c.count / width {
            for k in 0..<inner {
              let factor = unsafe a[row * inner + k]
              for column in 0..<width {
                unsafe c[row * width + column] += factor * b[k * width + column]
              }
            }
          }
        }
      }
    }
    return result
  }

  /// The product with a column vector.
  public static func * (a: Matrix, b: [Double]) -> [Double] {
    (a * Matrix(rows: b.count, columns: 1, b)).elements
  }

  private func combined(_ other: Matrix, _ function: (Double, Double) -> Double) -> Matrix {
    guard rows == other.rows, columns == other.columns else {
      fatalError("matrices of \(rows) by \(columns) and \(other.rows) by \(other.columns)")
    }
    return Matrix(rows: rows, columns: columns, zip(elements, other.elements).map(function))
  }
}
