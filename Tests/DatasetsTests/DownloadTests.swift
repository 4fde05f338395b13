import Datasets
import Files
import Foundation
import Testing

@Suite struct MD5Tests {
  @Test func digestsAreThoseOfTheStandard() {
    for (text, digest) in [
      ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
      ("abc", "900150983cd24fb0d6963f7d28e17f72"),
      ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
      (
        "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
        "57edf4a22be3c955ac49da2e2107b67a"
      ),
    ] {
      #expect(MD5.hex(of: Array(text.utf8)) == digest)
    }
  }

  @Test func digestDoesNotDependOnTheCuts() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    for cut in [1, 55, 56, 63, 64, 65, 127, 128, 999] {
      var digest = MD5()
      digest.update(Array(bytes[..<cut]))
      digest.update(Array(bytes[cut...]))
      #expect(digest.finish() == MD5.hex(of: bytes))
    }
  }
}

@Suite struct DownloadTests {
  static let names = ["one.bin", "two.bin"]
  static let file = (0..<300_000).map { i in UInt8(truncatingIfNeeded: i &* i >> 7 ^ i) }

  /// A small archive in the layout of CIFAR-10's.
  static let archive: Data = {
    let folder = Folder()
    try? FileManager.default.createDirectory(
      atPath: folder.path + "/batches", withIntermediateDirectories: true)
    for name in names { folder.write(file, to: "batches/" + name) }
    _ = try! Subprocess.run(
      ["tar", "-czf", folder.path + "/a.tar.gz", "-C", folder.path, "batches"])
    return FileManager.default.contents(atPath: folder.path + "/a.tar.gz")!
  }()

  func download(_ server: LoopbackServer, checksum: String? = nil) -> ArchiveDownload {
    ArchiveDownload(
      address: server.base + "/a.tar.gz", checksum: checksum ?? MD5.hex(of: Self.archive),
      size: Self.archive.count, folderName: "batches",
      contents: Self.names.map { .init($0, size: Self.file.count) })
  }

  func contents(_ folder: borrowing Folder) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }

  @Test func archiveArrivesAndIsUnpacked() throws {
    let server = LoopbackServer(Self.archive)
    defer { server.stop() }
    let folder = Folder()
    var steps: [ArchiveDownload.Progress] = []
    let path = try download(server).fetch(into: folder.path + "/data") { steps.append($0) }
    #expect(path == folder.path + "/data/batches")
    for name in Self.names {
      #expect(FileManager.default.contents(atPath: path + "/" + name) == Data(Self.file))
    }
    #expect(contents(folder) == ["data"])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path + "/data") == ["batches"])
    let size = Self.archive.count
    #expect(steps.contains(.receiving(bytes: size, of: size)))
    #expect(Array(steps.suffix(2)) == [.verifying, .unpacking])

    // What is complete is not fetched again.
    try download(server).fetch(into: folder.path + "/data")
    #expect(server.ranges == [""])
  }

  @Test func brokenTransferGoesOnWhereItStopped() throws {
    let server = LoopbackServer(Self.archive, .init(breaksAfter: [1000, 2000]))
    defer { server.stop() }
    let folder = Folder()
    try download(server).fetch(into: folder.path)
    #expect(server.ranges == ["", "bytes=1000-", "bytes=3000-"])
    #expect(contents(folder) == ["batches"])
  }

  @Test func anotherRunGoesOnWhereTheLastStopped() throws {
    let server = LoopbackServer(Self.archive)
    defer { server.stop() }
    let folder = Folder()
    folder.write(Array(Self.archive.prefix(5000)), to: "a.tar.gz.part")
    try download(server).fetch(into: folder.path)
    #expect(server.ranges == ["bytes=5000-"])
    #expect(contents(folder) == ["batches"])
  }

  @Test func completePartNeedsNoTransfer() throws {
    let server = LoopbackServer(Self.archive)
    defer { server.stop() }
    let folder = Folder()
    folder.write(Array(Self.archive), to: "a.tar.gz.part")
    try download(server).fetch(into: folder.path)
    #expect(server.ranges.isEmpty)
    #expect(contents(folder) == ["batches"])
  }

  @Test func serverWithoutRangesIsAskedFromTheStart() throws {
    let server = LoopbackServer(Self.archive, .init(hasRanges: false))
    defer { server.stop() }
    let folder = Folder()
    folder.write(Array(Self.archive.prefix(5000)), to: "a.tar.gz.part")
    try download(server).fetch(into: folder.path)
    #expect(server.ranges == ["bytes=5000-", ""])
    #expect(contents(folder) == ["batches"])
  }

  @Test func giveUpKeepsWhatWasReceived() {
    let cuts = [700] + [Int](repeating: 0, count: 9)
    let server = LoopbackServer(Self.archive, .init(breaksAfter: cuts))
    defer { server.stop() }
    let folder = Folder()
    var download = download(server)
    download.attempts = 2
    let error = #expect(throws: Failure.self) { try download.fetch(into: folder.path) }
    #expect(error?.kind == .download)
    #expect(error?.description.contains("go on from 700 bytes") == true)
    #expect(contents(folder) == ["a.tar.gz.part"])
  }

  @Test func wrongChecksumIsAnErrorAndLeavesNothing() {
    let server = LoopbackServer(Self.archive)
    defer { server.stop() }
    let folder = Folder()
    let error = #expect(throws: Failure.self) {
      try download(server, checksum: String(repeating: "0", count: 32)).fetch(into: folder.path)
    }
    #expect(error?.kind == .checksum)
    #expect(contents(folder).isEmpty)
  }

  @Test func archiveWithoutTheFilesIsAnErrorAndLeavesNoFolder() {
    let server = LoopbackServer(Self.archive)
    defer { server.stop() }
    let folder = Folder()
    let other = ArchiveDownload(
      address: server.base + "/a.tar.gz", checksum: MD5.hex(of: Self.archive),
      size: Self.archive.count, folderName: "batches", contents: [.init("three.bin")])
    let error = #expect(throws: Failure.self) { try other.fetch(into: folder.path) }
    #expect(error?.kind == .unpacking)
    #expect(contents(folder) == ["a.tar.gz"])
  }

  @Test func refusalsAndSilenceNameTheAddress() {
    let folder = Folder()
    let refusing = LoopbackServer(Self.archive, .init(status: 404))
    defer { refusing.stop() }
    let refused = #expect(throws: Failure.self) {
      try download(refusing).fetch(into: folder.path)
    }
    #expect(refused?.description.contains(refusing.base) == true)
    let silent = LoopbackServer(Self.archive)
    silent.stop()
    let unreachable = #expect(throws: Failure.self) {
      try download(silent).fetch(into: folder.path)
    }
    #expect(unreachable?.problem.contains("cannot be reached") == true)
    #expect(contents(folder).isEmpty)
  }

  @Test func folderWithOtherFilesIsNotTouched() {
    let server = LoopbackServer(Self.archive)
    defer { server.stop() }
    let folder = Folder()
    try? FileManager.default.createDirectory(
      atPath: folder.path + "/batches", withIntermediateDirectories: true)
    folder.write([1, 2, 3], to: "batches/thesis.txt")
    let error = #expect(throws: Failure.self) { try download(server).fetch(into: folder.path) }
    #expect(error?.problem.contains("other files") == true)
    #expect(
      FileManager.default.contents(atPath: folder.path + "/batches/thesis.txt") == Data([1, 2, 3]))
  }

  @Test func officialArchiveIsTheDefault() {
    let archive = CIFAR10.archive()
    #expect(archive.address == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz")
    #expect(archive.checksum == "c32a1d4ab5d03f1284b67883e8d87530")
    #expect(archive.contents.filter { $0.size == 30_730_000 }.count == 6)
    #expect(CIFAR10.archive(base: "http://x").address == "http://x/cifar-10-binary.tar.gz")
  }
}
