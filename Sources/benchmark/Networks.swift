import Autodiff
import Foundation
import Learning
import Networks
import Probability
import Tensors

// The networks of the comparison with PyTorch: the same sizes, batches and steps.

/// A training step of the batch that the comparison uses, and forward passes of some batches.
///
/// - Parameter batches: those of the forward passes; the comparison's where empty.
func measureNetwork(
  _ subject: Subject, _ part: Part, batches: [Int], seconds: Double
) -> [Row] {
  let batch = subject == .vae ? 64 : 128
  let work = networkWork(subject)
  var rows: [Row] = []
  if part != .forward {
    rows.append(
      trainingStep(
        subject.rawValue, work.parameters, images: batch, seconds: seconds,
        loss: work.loss(batch)))
  }
  if part != .training {
    for size in batches.isEmpty ? [batch, 16, 1] : batches {
      rows.append(
        forwardPass(
          subject.rawValue, images: size, seconds: seconds / 4, work.forward(size)))
    }
  }
  return rows
}

/// A network and what is measured of it.
func networkWork(_ subject: Subject) -> NetworkWork {
  subject == .vae ? autoencoderWork() : unetWork(subject)
}

/// What is measured of a network.
struct NetworkWork {
  let parameters: [Parameter]
  /// Makes data for a batch, and a function that computes the loss on it.
  let loss: (_ images: Int) -> (Tape) -> Variable
  /// Makes data for a batch, and a function that evaluates the network on it.
  let forward: (_ images: Int) -> (Tape) -> Void
}

/// The U-Nets of the comparison, and that of the last chapter's model.
func makeUNet(_ subject: Subject) -> UNet {
  let configuration: UNet.Configuration
  switch subject {
  case .unetSmall: configuration = .init(channels: [64, 128], layersPerLevel: 1, classes: 11)
  case .unetCourse:
    configuration = .init(channels: [96, 192], layersPerLevel: 2, headWidth: 32, classes: 11)
  default: configuration = .init(channels: [128, 256], layersPerLevel: 2, classes: 11)
  }
  return UNet(configuration, generator: RandomGenerator(seed: 1))
}

private func unetWork(_ subject: Subject) -> NetworkWork {
  let net = makeUNet(subject)
  func inputs(_ batch: Int) -> (x: Tensor, target: Tensor, t: [Double], labels: [Int]) {
    var random = RandomGenerator(seed: 2)
    return (
      .normal([batch, 4, 8, 8], using: &random), .normal([batch, 4, 8, 8], using: &random),
      (0..<batch).map { _ in Double(random.index(below: 1000)) },
      (0..<batch).map { _ in random.index(below: 11) }
    )
  }
  return NetworkWork(
    parameters: net.parameters,
    loss: { batch in
      let (x, target, t, labels) = inputs(batch)
      return { tape in
        meanSquaredError(net(tape.constant(x), t: t, labels: labels), tape.constant(target))
      }
    },
    forward: { batch in
      let (x, _, t, labels) = inputs(batch)
      return { tape in _ = net(tape.constant(x), t: t, labels: labels) }
    })
}

// As the comparison has it: decoded from the mean of the encoder's distribution.
private func autoencoderWork() -> NetworkWork {
  let net = Autoencoder(.init(), generator: RandomGenerator(seed: 1))
  func images(_ batch: Int) -> Tensor {
    var random = RandomGenerator(seed: 2)
    return .normal([batch, 3, 32, 32], using: &random)
  }
  return NetworkWork(
    parameters: net.parameters,
    loss: { batch in
      let x = images(batch)
      return { tape in
        let image = tape.constant(x)
        return meanAbsoluteError(net.decode(net.encode(image).mean), image)
      }
    },
    forward: { batch in
      let x = images(batch)
      return { tape in _ = net.decode(net.encode(tape.constant(x)).mean) }
    })
}

extension AdamW {
  /// A step of training on a loss.
  mutating func step(on loss: (Tape) -> Variable) {
    let gradients = { () -> Gradients in
      let tape = Tape()
      return tape.gradients(of: loss(tape))
    }()
    update(gradients, learningRate: 1e-4)
  }
}

private func trainingStep(
  _ name: String, _ parameters: [Parameter], images: Int, seconds: Double,
  loss: (Tape) -> Variable
) -> Row {
  var optimizer = AdamW(parameters)
  func step() { optimizer.step(on: loss) }
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
