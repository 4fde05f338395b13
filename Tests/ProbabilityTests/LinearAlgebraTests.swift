import Foundation
import Probability
import Tensors
import Testing

private func random(_ rows: Int, _ columns: Int, _ seed: UInt64) -> Matrix {
  var generator = RandomGenerator(seed: seed)
  return Matrix(rows: rows, columns: columns, (0..<rows * columns).map { _ in generator.normal() })
}

/// A random symmetric positive definite matrix.
private func definite(_ n: Int, _ seed: UInt64) -> Matrix {
  let a = random(n, n + 3, seed)
  return 1 / Double(n) * (a * a.transposed)
}

@Suite struct LinearAlgebraTests {
  @Test(arguments: [1, 2, 5, 40])
  func eigenvectorsDiagonalise(_ n: Int) throws {
    let a = definite(n, 1) - .identity(n)
    let (values, vectors) = try a.symmetricEigen()
    #expect((vectors * .diagonal(values) * vectors.transposed - a).norm < 1e-12 * (1 + a.norm))
    #expect((vectors.transposed * vectors - .identity(n)).norm < 1e-12 * Double(n))
    #expect(values == values.sorted())
    let first = a * vectors.column(0)
    for i in 0..<n { #expect(abs(first[i] - values[0] * vectors[i, 0]) < 1e-12) }
  }

  @Test func choleskyFactorsAreLowerTriangular() throws {
    let a = definite(6, 2)
    let factor = try a.cholesky()
    #expect((factor * factor.transposed - a).norm < 1e-13)
    #expect(factor[0, 5] == 0)
    #expect(factor.diagonal.allSatisfy { $0 > 0 })
    let values = try a.symmetricEigen().values
    #expect(abs(try a.logDeterminant() - values.reduce(0) { $0 + log($1) }) < 1e-12)
    let indefinite = Matrix([[1, 2], [2, 1]])
    #expect(throws: LinearAlgebraError.notPositiveDefinite(minor: 2)) {
      try indefinite.cholesky()
    }
  }

  @Test func solutionsSolve() throws {
    let (a, b) = (random(7, 7, 3), random(7, 2, 4))
    let x = try a.solve(b)
    #expect((a * x - b).norm < 1e-11)
    let column = try a.solve(b.column(1))
    for i in 0..<7 { #expect(abs(column[i] - x[i, 1]) < 1e-12) }
    #expect((a * (try a.inverse()) - .identity(7)).norm < 1e-11)
    #expect(throws: LinearAlgebraError.singular) { try Matrix([[1, 2], [2, 4]]).solve([1, 1]) }
  }

  @Test func squareRootsSquareToTheMatrix() throws {
    let a = definite(8, 6)
    let root = try a.squareRoot()
    #expect((root * root - a).norm < 1e-12)
    #expect((root - root.transposed).norm < 1e-13)
  }

  /// For commuting matrices the root of the product is the product of the roots.
  @Test func theTraceOfARootOfAProductIsThatOfItsEigenvalues() throws {
    let (p, q): ([Double], [Double]) = ([1, 4, 9, 0.25], [2, 0.5, 3, 0])
    let turn = try definite(4, 7).symmetricEigen().vectors
    let (a, b) = (turn * .diagonal(p) * turn.transposed, turn * .diagonal(q) * turn.transposed)
    let expected = zip(p, q).reduce(0) { $0 + ($1.0 * $1.1).squareRoot() }
    #expect(abs(try Matrix.traceOfSquareRoot(ofProduct: a, b) - expected) < 1e-7)
    // In general: (A·B)'s eigenvalues are those of Lᵀ·B·L with A = L·Lᵀ, a route without roots.
    let (c, d) = (definite(5, 8), definite(5, 9))
    let factor = try c.cholesky()
    let values = try (factor.transposed * d * factor).symmetricEigen().values
    let other = try Matrix.traceOfSquareRoot(ofProduct: c, d)
    #expect(abs(other - values.reduce(0) { $0 + $1.squareRoot() }) < 1e-11)
  }

  @Test func theFrechetDistanceOfNormalsInOneDimension() throws {
    let distance = try frechetDistance(
      (mean: [1], covariance: Matrix([[4]])), (mean: [-2], covariance: Matrix([[0.25]])))
    #expect(abs(distance - (9 + (2 - 0.5) * (2 - 0.5))) < 1e-12)
    let same = (mean: [1.0, 2, 3], covariance: definite(3, 10))
    #expect(abs(try frechetDistance(same, same)) < 1e-12)
  }

  @Test func covariancesOfFewRowsByHand() {
    let (mean, covariance) = Matrix([[1, 2], [3, 6], [5, 1]]).meanAndCovariance()
    #expect(mean == [3, 3])
    #expect(covariance == Matrix([[4, -1], [-1, 7]]))
  }
}
