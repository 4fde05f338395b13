import Files
import Foundation
import Testing

@testable import Datasets

@Suite struct CIFAR10Tests {
  /// A file of three records, the labels and every pixel of which are known.
  func file(labels: [UInt8] = [3, 9, 0]) -> [UInt8] {
    labels.enumerated().flatMap { record, label in
      [label] + (0..<3072).map { UInt8(truncatingIfNeeded: $0 + 100 * record) }
    }
  }

  func load(_ folder: borrowing Folder) throws -> LabeledImages {
    try CIFAR10.load(.test, from: folder.path, files: nil, recordsPerFile: 3)
  }

  func failure(_ bytes: [UInt8]) -> Failure? {
    let folder = Folder()
    folder.write(bytes, to: "test_batch.bin")
    do {
      _ = try CIFAR10.load(.test, from: folder.path, files: nil, recordsPerFile: 3)
      return nil
    } catch {
      return error
    }
  }

  @Test func recordsAreALabelAndThreePlanes() throws {
    let folder = Folder()
    folder.write(file(), to: "test_batch.bin")
    let images = try load(folder)
    #expect(images.count == 3)
    #expect(images.labels == [3, 9, 0])
    #expect(images.bytes(1).prefix(3) == [100, 101, 102])
    // Image 2, green plane, row 1, column 5.
    #expect(
      images.values[2 * 3072 + 1024 + 37] == LabeledImages.value(of: UInt8((1024 + 37 + 200) % 256))
    )
  }

  @Test func trainingFilesAreReadInOrder() throws {
    let folder = Folder()
    for i in 1...5 { folder.write(file(labels: [UInt8(i), 0, 1]), to: "data_batch_\(i).bin") }
    let images = try CIFAR10.load(.training, from: folder.path, files: nil, recordsPerFile: 3)
    #expect(images.labels == (1...5).flatMap { [$0, 0, 1] })
    let some = try CIFAR10.load(.training, from: folder.path, files: 2, recordsPerFile: 3)
    #expect(some.count == 6)
  }

  @Test func brokenFilesAreNamedWithTheirRemedy() {
    for (bytes, kind, words) in [
      (Array(file().dropLast()), .wrongSize, "truncated: 9218 bytes instead of 9219"),
      (Array(file().dropLast(3073)), .wrongSize, "2 records instead of 3"),
      (file() + [0], .wrongSize, "9220 bytes"), ([], .wrongSize, "0 records"),
      (file(labels: [3, 10, 0]), .badLabel, "record 1 has the label 10"),
    ] as [([UInt8], Failure.Kind, String)] {
      let error = failure(bytes)
      #expect(error?.kind == kind)
      #expect(error?.problem.contains(words) == true, "\(String(describing: error))")
      #expect(error?.subject.hasSuffix("test_batch.bin") == true)
      #expect(error?.description.contains("\n") == false)
    }
  }

  @Test func missingFilesAndFoldersAreNamedWithTheirRemedy() {
    let folder = Folder()
    let file = #expect(throws: Failure.self) { try CIFAR10.load(.test, from: folder.path) }
    #expect(file?.kind == .missing && file?.description.contains("download") == true)
    let missing = #expect(throws: Failure.self) { try CIFAR10.folder("/no/such/folder") }
    #expect(missing?.subject == "/no/such/folder")
    folder.write([], to: "plain")
    let plain = folder.path + "/plain"
    let notFolder = #expect(throws: Failure.self) { try CIFAR10.folder(plain) }
    #expect(notFolder?.problem.contains("not a folder") == true)
  }

  @Test func folderIsTheOptionThenTheVariableThenTheDownload() throws {
    let first = Folder()
    let second = Folder()
    let environment = ["CIFAR10_DIR": second.path]
    #expect(try CIFAR10.folder(first.path, environment: environment) == first.path)
    #expect(try CIFAR10.folder(nil, environment: environment) == second.path)
    let none = #expect(throws: Failure.self) {
      try CIFAR10.folder(nil, environment: ["CIFAR10_DIR": "/no/such/folder"])
    }
    #expect(none?.subject == "/no/such/folder")
  }

  @Test func classesHaveNamesAndNumbers() throws {
    #expect(try CIFAR10.classes(named: "cat") == [3])
    #expect(try CIFAR10.classes(named: "Truck") == [9])
    #expect(try CIFAR10.classes(named: "0") == [0])
    #expect(try CIFAR10.classes(named: "all") == Array(0...9))
    for text in ["10", "-1", "unicorn", ""] {
      let error = #expect(throws: Failure.self) { try CIFAR10.classes(named: text) }
      #expect(error?.kind == .unknownClass && error?.remedy.contains("airplane") == true)
    }
  }

  @Test(
    .enabled(if: CIFAR10Tests.realData != nil, "set CIFAR10_DIR to check the files of the data set")
  )
  func dataSetHasItsSizesAndClasses() throws {
    let folder = try #require(Self.realData)
    let test = try CIFAR10.load(.test, from: folder)
    let training = try CIFAR10.load(.training, from: folder)
    #expect(test.count == 10_000 && training.count == 50_000)
    for label in 0..<10 {
      #expect(test.labels.filter { $0 == label }.count == 1000)
      #expect(training.labels.filter { $0 == label }.count == 5000)
    }
    let sum = training.pixels.reduce(0.0) { sum, byte in
      let x = Double(byte) / 127.5 - 1
      return sum + x * x
    }
    // 0.255986 for the original pixels, 0.25369 for a common recompressed copy.
    #expect(abs(sum / Double(training.pixels.count) - 0.2549) < 0.0025)
  }

  static let realData: String? = {
    let environment = ProcessInfo.processInfo.environment[CIFAR10.environmentVariable]
    let folder = environment ?? CIFAR10.downloadFolder
    return FileManager.default.fileExists(atPath: folder + "/test_batch.bin") ? folder : nil
  }()
}

@Suite struct PixelTests {
  @Test func bytesSpanMinusOneToOne() {
    let values: [Float] = (UInt8.min...UInt8.max).map(LabeledImages.value)
    #expect(values.first == -1 && values.last == 1)
    #expect(zip(values, values.dropFirst()).allSatisfy { abs($1 - $0 - 1 / 127.5) < 1e-6 })
  }
}
