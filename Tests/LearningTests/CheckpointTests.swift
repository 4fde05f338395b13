import Autodiff
import Files
import Foundation
import Models
import Networks
import Probability
import Tensors
import TestSupport
import Testing

@testable import Learning
import Models

/// A small training run: a network that learns to return its input, on draws of seed and step.
private struct Run {
  let network: MLP
  var optimizer: AdamW
  var average: ExponentialMovingAverage?

  init(width: Int = 8, seed: UInt64 = 5) {
    network = MLP(
      .init(width: width, layers: 1, timeFeatures: 4), generator: RandomGenerator(seed: seed))
    optimizer = AdamW(network.parameters)
    average = ExponentialMovingAverage(network.parameters, decay: 0.9)
  }

  mutating func train(steps: Range<Int>) {
    for step in steps {
      var generator = RandomGenerator(seed: 11, stream: UInt64(step))
      let x = Tensor.normal([16, 2], using: &generator)
      let tape = Tape()
      let loss = meanSquaredError(network(tape.constant(x), t: [step]), tape.constant(x))
      optimizer.update(tape.gradients(of: loss), learningRate: 0.01)
      average?.update()
    }
  }

  var numbers: [[Float]] {
    let moments = optimizer.firstMoments + optimizer.secondMoments
    let tensors = network.parameters.map(\.value) + moments + (average?.averages ?? [])
    return tensors.map(\.elements)
  }
}

@Test func aResumedRunRepeatsAnUninterruptedOneBitForBit() throws {
  try withTemporaryFolder { folder in
    let path = "\(folder)/checkpoint.safetensors"
    var whole = Run()
    whole.train(steps: 0..<10)

    var first = Run()
    first.train(steps: 0..<6)
    let state = Checkpoint.State(
      step: 6, seed: .max, configuration: ["width": "8"], notes: ["scale": "0.25"])
    try Checkpoint.save(to: path, state: state, optimizer: first.optimizer, average: first.average)
    #expect(try Checkpoint.state(at: path) == state)

    var second = Run(seed: 99)
    let restored = try Checkpoint.restore(
      from: path, optimizer: &second.optimizer, average: &second.average,
      configuration: ["width": "8"])
    #expect(restored == state)
    #expect(second.numbers == first.numbers)
    second.train(steps: restored.step..<10)
    #expect(second.numbers == whole.numbers)
    #expect(second.optimizer.step == 10)
    #expect(second.average?.updates == 10)
  }
}

@Test func aCheckpointOfAnotherConfigurationNamesTheOptions() throws {
  try withTemporaryFolder { folder in
    let path = "\(folder)/checkpoint.safetensors"
    var run = Run()
    let state = Checkpoint.State(
      step: 0, seed: 1, configuration: ["batch-size": "64", "seed": "1"])
    try Checkpoint.save(to: path, state: state, optimizer: run.optimizer)
    let error = #expect(throws: Failure.self) {
      try Checkpoint.restore(
        from: path, optimizer: &run.optimizer, average: &run.average,
        configuration: ["batch-size": "128", "seed": "1"])
    }
    #expect(error?.kind == .otherConfiguration)
    #expect(error?.description.contains("batch-size 64, now 128") == true)
    #expect(error?.description.contains("seed 1") == false)
  }
}

@Test func aRefusedCheckpointChangesNothing() throws {
  try withTemporaryFolder { folder in
    let path = "\(folder)/checkpoint.safetensors"
    let state = Checkpoint.State(step: 3, seed: 1)
    try Checkpoint.save(to: path, state: state, optimizer: Run(width: 12).optimizer)
    var run = Run()
    run.train(steps: 0..<2)
    let before = run.numbers
    let error = #expect(throws: Failure.self) {
      try Checkpoint.restore(from: path, optimizer: &run.optimizer, average: &run.average)
    }
    #expect(error?.kind == .otherShapes)
    #expect(run.numbers == before)

    // One without averages is refused by a run that keeps them, also without a change.
    try Checkpoint.save(to: path, state: state, optimizer: Run().optimizer)
    let second = #expect(throws: Failure.self) {
      try Checkpoint.restore(from: path, optimizer: &run.optimizer, average: &run.average)
    }
    #expect(second?.kind == .otherNames)
    #expect(run.numbers == before)
  }
}

@Test func weightsWithoutARunAreNoCheckpoint() throws {
  try withTemporaryFolder { folder in
    let path = "\(folder)/weights.safetensors"
    try ModelFile.save(Run().network, configuration: 1, to: path)
    let error = #expect(throws: Failure.self) { try Checkpoint.state(at: path) }
    #expect(error?.kind == .malformed)
  }
}

// MARK: - Weights alone

@Test func weightsLoadIntoAnotherNetworkOfTheSameConfiguration() throws {
  try withTemporaryFolder { folder in
    let path = "\(folder)/weights.safetensors"
    let first = Run(seed: 1).network
    let second = Run(seed: 2).network
    try ModelFile.save(first, configuration: ["step": 12], to: path)
    let file = try Safetensors(reading: path)
    try file.assign(to: second.parameters, path: path)
    #expect(file.metadata == ["configuration": "{\"step\":12}", "format": "pt"])
    for (a, b) in zip(first.parameters, second.parameters) {
      #expect(a.value.elements == b.value.elements)
    }
  }
}

@Test func weightsOfOtherNamesOrShapesAreRefusedAndNothingChanges() throws {
  try withTemporaryFolder { folder in
    let path = "\(folder)/weights.safetensors"
    let network = Run().network
    let before = network.parameters.map(\.value.elements)
    func refusal(of tensors: [String: Tensor]) throws -> Failure? {
      try Safetensors(tensors: tensors).write(to: path)
      return #expect(throws: Failure.self) {
        try Safetensors(reading: path).assign(to: network.parameters, path: path)
      }
    }
    let own = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.value) })

    let missing = try refusal(of: own.filter { $0.key != "last.bias" })
    #expect(missing?.kind == .otherNames)
    #expect(missing?.problem == "lacks last.bias")

    let surplus = try refusal(of: own.merging(["else": Tensor(1)]) { $1 })
    #expect(surplus?.kind == .otherNames)
    #expect(surplus?.problem.contains("else") == true)

    let reshaped = try refusal(of: own.merging(["last.bias": Tensor([1, 2, 3])]) { $1 })
    #expect(reshaped?.kind == .otherShapes)
    #expect(reshaped?.problem == "holds last.bias of shape [3], expected [2]")

    let empty = try refusal(of: [:])
    #expect(empty?.problem.contains("and 11 more") == true)
    #expect(network.parameters.map(\.value.elements) == before)
  }
}

@Test func filesOfPyTorchAreRead() throws {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().path
  let file = try Safetensors(reading: "\(folder)/NetworksTests/Fixtures/formats.safetensors")
  let numbers = try #require(file.tensor("F32")).elements
  #expect(file.metadata["torch"]?.hasPrefix("2.8") == true)
  #expect(numbers.count == 56)
  // Rounding to 16 bits here gives, bit for bit, what rounding there gave.
  for format in [NumberFormat.float16, .bfloat16] {
    let theirs = try #require(file.tensor(format.rawValue)).elements.map(\.bitPattern)
    var bytes = [UInt8](repeating: 0, count: 2 * numbers.count)
    var ours = [Float](repeating: 0, count: numbers.count)
    bytes.withUnsafeMutableBytes { bytes in
      format.encode(numbers, count: numbers.count, to: bytes.baseAddress!)
      format.decode(bytes.baseAddress!, count: numbers.count, to: &ours)
    }
    #expect(ours.map(\.bitPattern) == theirs)
  }
}
