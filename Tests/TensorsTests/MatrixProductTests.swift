import Tensors
import TestSupport
import Testing

/// The product of two matrices by its definition, summed in double precision.
private func product(_ a: Tensor, _ b: Tensor) -> Tensor {
  let (m, k, n) = (a.shape[0], a.shape[1], b.shape[1])
  return Tensor(
    (0..<m * n).map { index in
      Float((0..<k).reduce(0.0) { $0 + Double(a[index / n, $1]) * Double(b[$1, index % n]) })
    }, shape: [m, n])
}

@Suite struct MatrixProductTests {
  @Test(arguments: [(1, 1, 1), (1, 7, 3), (5, 1, 4), (3, 4, 1), (17, 33, 65), (128, 300, 130)])
  func matrixProductsAreSumsOfProducts(_ m: Int, _ k: Int, _ n: Int) {
    let (a, b) = (normal([m, k], 1), normal([k, n], 2))
    let expected = product(a, b)
    #expect(agree(matmul(a, b), expected))
    #expect(agree(matmul(a.transposed(), b, transposingA: true), expected))
    #expect(agree(matmul(a, b.transposed(), transposingB: true), expected))
    let both = matmul(a.transposed(), b.transposed(), transposingA: true, transposingB: true)
    #expect(agree(both, expected))
  }

  @Test func stacksMultiplyEntryByEntry() {
    let (a, b) = (normal([2, 3, 4, 5], 3), normal([2, 3, 5, 6], 4))
    let whole = matmul(a, b)
    #expect(whole.shape == [2, 3, 4, 6])
    for entry in 0..<6 {
      let x = a.reshaped([6, 4, 5]).slice(entry..<entry + 1).reshaped([4, 5])
      let y = b.reshaped([6, 5, 6]).slice(entry..<entry + 1).reshaped([5, 6])
      let part = whole.reshaped([6, 4, 6]).slice(entry..<entry + 1).reshaped([4, 6])
      #expect(agree(part, product(x, y)))
    }
  }

  @Test func oneMatrixServesAStack() {
    let (a, b, c) = (normal([3, 4, 5], 5), normal([5, 2], 6), normal([7, 4], 7))
    #expect(
      agree(
        matmul(a, b).slice(2..<3).reshaped([4, 2]), product(a.slice(2..<3).reshaped([4, 5]), b)))
    let left = matmul(c, a)
    #expect(left.shape == [3, 7, 5])
    #expect(
      agree(left.slice(1..<2).reshaped([7, 5]), product(c, a.slice(1..<2).reshaped([4, 5]))))
    let exchanged = matmul(a.transposed(), b, transposingA: true)
    #expect(agree(exchanged, matmul(a, b)))
  }

  @Test func anEmptySumIsZero() {
    #expect(matmul(.zeros([2, 0]), .zeros([0, 3])) == .zeros([2, 3]))
    #expect(matmul(.zeros([0, 4]), .zeros([4, 3])).shape == [0, 3])
  }
}
