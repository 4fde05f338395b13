import Autodiff
import Foundation
import Learning
import Networks
import Tensors

// The three networks of the comparison with PyTorch: the same sizes, batches and steps.

/// A training step of the batch that the comparison uses, and forward passes of three batches.
func measureNetwork(_ subject: Subject, seconds: Double) -> [Row] {
  subject == .vae ? measureAutoencoder(seconds: seconds) : measureUNet(subject, seconds: seconds)
}

/// The U-Nets of the comparison.
func makeUNet(_ subject: Subject) -> UNet {
  let isSmall = subject == .unetSmall
  return UNet(
    .init(
      channels: isSmall ? [64, 128] : [128, 256], layersPerLevel: isSmall ? 1 : 2, classes: 11),
    generator: RandomGenerator(seed: 1))
}

private func measureUNet(_ subject: Subject, seconds: Double) -> [Row] {
  let net = makeUNet(subject)
  let batch = 128
  var draws = RandomGenerator(seed: 2)
  let x = Tensor.normal([batch, 4, 8, 8], using: &draws)
  let target = Tensor.normal([batch, 4, 8, 8], using: &draws)
  let t = (0..<batch).map { _ in Double(draws.index(below: 1000)) }
  let labels = (0..<batch).map { _ in draws.index(below: 11) }
  var rows = [
    trainingStep(subject.rawValue, net.parameters, images: batch, seconds: seconds) { tape in
      meanSquaredError(net(tape.constant(x), t: t, labels: labels), tape.constant(target))
    }
  ]
  for size in [128, 16, 1] {
    rows.append(
      forwardPass(subject.rawValue, images: size, seconds: seconds / 4) { tape in
        _ = net(
          tape.constant(x.slice(0..<size)), t: Array(t.prefix(size)),
          labels: Array(labels.prefix(size)))
      })
  }
  return rows
}

private func measureAutoencoder(seconds: Double) -> [Row] {
  let net = Autoencoder(.init(), generator: RandomGenerator(seed: 1))
  let batch = 64
  var draws = RandomGenerator(seed: 2)
  let x = Tensor.normal([batch, 3, 32, 32], using: &draws)
  // As the comparison has it: decoded from the mean of the encoder's distribution.
  var rows = [
    trainingStep("vae", net.parameters, images: batch, seconds: seconds) { tape in
      let image = tape.constant(x)
      return meanAbsoluteError(net.decode(net.encode(image).mean), image)
    }
  ]
  for size in [64, 16, 1] {
    rows.append(
      forwardPass("vae", images: size, seconds: seconds / 4) { tape in
        _ = net.decode(net.encode(tape.constant(x.slice(0..<size))).mean)
      })
  }
  return rows
}

private func trainingStep(
  _ name: String, _ parameters: [Parameter], images: Int, seconds: Double,
  loss: (Tape) -> Variable
) -> Row {
  var optimizer = AdamW(parameters)
  func step() {
    let gradients = { () -> Gradients in
      let tape = Tape()
      return tape.gradients(of: loss(tape))
    }()
    optimizer.update(gradients, learningRate: 1e-4)
  }
  Memory.resetPeak()
  let count = OperationCount.multiplyAdds(in: step)
  let timing = Timing.of(step, seconds: seconds)
  return Row(
    name: "\(name), training step, batch \(images)", timing: timing, multiplyAdds: count,
    images: images, memory: Memory.peak)
}

private func forwardPass(
  _ name: String, images: Int, seconds: Double, _ pass: (Tape) -> Void
) -> Row {
  let run = { pass(Tape(recording: false)) }
  let count = OperationCount.multiplyAdds(in: run)
  return Row(
    name: "\(name), forward pass, batch \(images)", timing: .of(run, seconds: seconds),
    multiplyAdds: count, images: images)
}
