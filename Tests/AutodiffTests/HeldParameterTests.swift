import Autodiff
import Tensors
import Testing

@Test func aHeldParameterGetsNoGradientAndLetsItThrough() throws {
  let weight = Parameter("weight", Tensor([1, 2, 3, 4], shape: [2, 2]))
  func gradients(holding: Bool) throws -> (ofWeight: Tensor?, ofInput: Tensor) {
    let tape = Tape()
    if holding { tape.hold([weight]) }
    let x = tape.input(Tensor([1, -1], shape: [1, 2]))
    let loss = square(linear(x, tape.variable(weight))).sum()
    let gradients = tape.gradients(of: loss)
    return (gradients[weight], try #require(gradients[x]))
  }
  let (free, held) = (try gradients(holding: false), try gradients(holding: true))
  #expect(free.ofWeight != nil)
  #expect(held.ofWeight == nil)
  #expect(free.ofInput == held.ofInput)
}
