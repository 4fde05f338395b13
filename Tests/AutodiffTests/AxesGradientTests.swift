import Autodiff
import Tensors
import TestSupport
import Testing

@Suite struct AxesGradientTests {
  @Test func rearranging() {
    let x = normal([2, 3, 4, 5])
    expectGradients([x]) { square($0[0].reshaped([6, 20])) }
    expectGradients([x]) { square($0[0].transposed([3, 0, 2, 1])) }
    expectGradients([x]) { square($0[0].transposed([-1, 1, 0, 2])) }
    expectGradients([x]) { square($0[0].transposed()) }
    expectGradients([x]) { square($0[0].channelsLast()) }
    expectGradients([x]) { square($0[0].channelsFirst()) }
    expectGradients([normal([1, 3, 1])]) { square($0[0].broadcast(to: [2, 4, 3, 5])) }
  }

  @Test func takingApartAndJoining() {
    let x = normal([3, 5, 2])
    expectGradients([x]) { square($0[0].slice(1..<3)) }
    expectGradients([x]) { square($0[0].slice(2..<5, along: -2)) }
    expectGradients([x]) { inputs in
      let parts = inputs[0].split([1, 3, 1], along: 1)
      return parts[0] * parts[2] + parts[1].sum(axes: [1], keepingAxes: true)
    }
    let (a, b) = (normal([3, 2, 2], 2), normal([3, 1, 2], 3))
    expectGradients([x, a, b]) { square(.concatenated([$0[0], $0[1], $0[2]], along: 1)) }
    expectGradients([a]) { square(.concatenated([$0[0], $0[0] * 2], along: -1)) }
  }

  @Test func aSliceReachesOnlyItsPart() {
    let tape = Tape()
    let x = tape.input(normal([4, 2]))
    let gradient = tape.gradients(of: x.slice(1..<3).sum())[x]!
    #expect(gradient.elements == [0, 0, 1, 1, 1, 1, 0, 0])
  }

  @Test func rowsOfATable() {
    let table = normal([4, 3])
    expectGradients([table]) { square(rows(of: $0[0], indices: [2, 0, 2, 3])) }
    let tape = Tape()
    let variable = tape.input(table)
    let gradient = tape.gradients(of: rows(of: variable, indices: [2, 0, 2]).sum())[variable]!
    #expect(gradient.elements == [1, 1, 1, 0, 0, 0, 2, 2, 2, 0, 0, 0])
  }

  @Test(arguments: [[0], [1], [2], [-1, 0], [0, 1, 2], []])
  func sumsAndMeansOverAxes(_ axes: [Int]) {
    let x = normal([2, 1, 5])
    for keepingAxes in [false, true] {
      expectGradients([x]) { square($0[0].sum(axes: axes, keepingAxes: keepingAxes)) }
      expectGradients([x]) { square($0[0].mean(axes: axes, keepingAxes: keepingAxes)) }
    }
  }

  @Test func wholeSumsAndMeans() {
    let x = normal([3, 4])
    expectGradients([x]) { square($0[0].sum()) }
    expectGradients([x]) { square($0[0].mean()) }
    expectGradients([normal([])]) { square($0[0].sum()) }
  }

  @Test func softmaxes() {
    for shape in [[5], [3, 4], [2, 1, 6], [4, 1]] as [Shape] {
      expectGradients([normal(shape)]) { square(softmax($0[0])) + $0[0] * 0.1 }
      expectGradients([normal(shape)]) { square(logSoftmax($0[0])) + $0[0] * 0.1 }
      expectGradients([normal(shape)]) { square(logSumExp($0[0])) }
    }
  }

  @Test func losses() {
    let (x, y) = (normal([3, 4], 1), normal([3, 4], 2))
    expectGradients([x, y]) { meanSquaredError($0[0], $0[1]) }
    expectGradients([x]) { meanSquaredError($0[0], y) * 3 }
    // Kept apart by more than the steps.
    let apart = x + normal([3, 4], 3).map { $0 > 0 ? 1 : -1 }
    expectGradients([x, apart], step: 0.005) { meanAbsoluteError($0[0], $0[1]) }
    expectGradients([x], step: 0.005) { meanAbsoluteError($0[0], apart) }
    expectGradients([x]) { crossEntropy($0[0], labels: [3, 0, 3]) }
    expectGradients([normal([1, 2])]) { crossEntropy($0[0], labels: [1]) * 2 }
  }

  @Test func crossEntropyOfEqualLogitsIsTheLogarithmOfTheClasses() {
    let tape = Tape()
    let loss = crossEntropy(tape.constant(.zeros([2, 10])), labels: [4, 9])
    #expect(abs(loss.scalar - 2.302_585) < 1e-6)
  }
}
