import Files
import Foundation

/// Fetches a compressed archive, checks it and unpacks it.
///
/// What has been received is kept beside the target under the ending `.part`, so a transfer that
/// was broken off goes on where it stopped; a folder appears under its final name only when all of
/// its files are there. Needs `curl` and `tar`.
public struct ArchiveDownload: Sendable {
  /// A file that the archive must contain.
  public struct Content: Sendable {
    /// Its name within the archive's folder.
    public let name: String
    /// Its size in bytes; any size if `nil`.
    public let size: Int?

    /// Names a file and its size.
    public init(_ name: String, size: Int? = nil) {
      self.name = name
      self.size = size
    }
  }

  /// What a transfer has reached.
  public enum Progress: Sendable, Equatable {
    /// Bytes received, of all.
    case receiving(bytes: Int, of: Int)
    /// The checksum is being computed.
    case verifying
    /// The files are being written.
    case unpacking
  }

  /// Where the archive lies.
  public let address: String
  /// Its MD5 digest in hexadecimal.
  public let checksum: String
  /// Its size in bytes, for progress.
  public let size: Int
  /// The folder within the archive.
  public let folderName: String
  /// What must lie in that folder.
  public let contents: [Content]
  /// How often a broken transfer is taken up again before it counts as failed.
  public var attempts = 5

  /// Describes an archive.
  public init(
    address: String, checksum: String, size: Int, folderName: String, contents: [Content]
  ) {
    self.address = address
    self.checksum = checksum
    self.size = size
    self.folderName = folderName
    self.contents = contents
  }

  /// Makes sure that the unpacked folder lies in `parent`, fetching the archive if it does not.
  ///
  /// - Parameters:
  ///   - parent: a folder, made if need be.
  ///   - progress: told what is going on, several times a second.
  /// - Returns: the path of the unpacked folder.
  /// - Throws: `Failure` that names the address or file and the remedy.
  @discardableResult
  public func fetch(
    into parent: String, progress: (Progress) -> Void = { _ in }
  ) throws(Failure) -> String {
    let target = parent + "/" + folderName
    if isComplete(target) { return target }
    do {
      try FileManager.default.createDirectory(
        atPath: parent, withIntermediateDirectories: true)
    } catch {
      throw Failure(
        parent, .unwritable, "the folder cannot be made",
        remedy: "choose a folder that you may write to")
    }
    let archive = parent + "/" + (address.split(separator: "/").last.map(String.init) ?? "archive")
    if !isVerified(archive) {
      try receive(archive + ".part", progress)
      try verify(archive + ".part", progress)
      try rename(archive + ".part", to: archive)
    }
    progress(.unpacking)
    try unpack(archive, to: target)
    try? FileManager.default.removeItem(atPath: archive)
    return target
  }

  private func isComplete(_ folder: String) -> Bool {
    contents.allSatisfy { content in
      guard let size = Self.size(of: folder + "/" + content.name) else { return false }
      return content.size == nil || size == content.size
    }
  }

  private func isVerified(_ archive: String) -> Bool {
    Self.size(of: archive) != nil && MD5.hex(ofFile: archive) == checksum
  }

  // MARK: Receiving

  private func receive(
    _ part: String, _ progress: (Progress) -> Void
  ) throws(Failure) {
    var remaining = attempts
    var known = Self.size(of: part) ?? 0
    if known >= size { return }
    while true {
      let outcome = try Subprocess.outcome(
        of: [
          "curl", "--fail", "--location", "--silent", "--show-error", "--connect-timeout", "30",
          "--speed-limit", "1", "--speed-time", "60", "--continue-at", "-", "--output", part,
          address,
        ]
      ) { progress(.receiving(bytes: Self.size(of: part) ?? 0, of: size)) }
      if outcome.status == 0 { return }
      let received = Self.size(of: part) ?? 0
      if outcome.status == 33 || (outcome.status == 22 && outcome.lastError.contains("416")) {
        // The server cannot go on in the middle, so what there is must go.
        try? FileManager.default.removeItem(atPath: part)
      }
      remaining = received > known ? attempts : remaining - 1
      known = Self.size(of: part) ?? 0
      guard Self.isPassing(outcome.status), remaining > 0 else {
        throw failure(outcome, received: known)
      }
    }
  }

  /// Whether a failure with this status of curl may go away by itself: broken or stalled transfers,
  /// lost connections, and servers that do not resume.
  private static func isPassing(_ status: Int32) -> Bool {
    [18, 28, 33, 52, 55, 56, 92].contains(status)
  }

  private func failure(_ outcome: Subprocess.Outcome, received: Int) -> Failure {
    let again = received > 0 ? "; run the same command again to go on from \(received) bytes" : ""
    let (problem, remedy): (String, String)
    switch outcome.status {
    case 5, 6, 7: (problem, remedy) = ("the server cannot be reached", "check the network")
    case 22: (problem, remedy) = ("the server refused", "check the address")
    case 23: (problem, remedy) = ("the file cannot be written", "free some space on the disk")
    case 18, 28, 52, 55, 56, 92:
      (problem, remedy) = ("the transfer was broken off", "check the network")
    case 35, 51, 58, 60, 77:
      (problem, remedy) = ("no secure connection", "sudo apt-get install -y ca-certificates")
    default: (problem, remedy) = ("curl failed with status \(outcome.status)", "check the address")
    }
    let detail = outcome.lastError.isEmpty ? "" : " (\(outcome.lastError))"
    return Failure(address, .download, problem + detail, remedy: remedy + again)
  }

  private func verify(_ part: String, _ progress: (Progress) -> Void) throws(Failure) {
    progress(.verifying)
    guard let digest = MD5.hex(ofFile: part) else {
      throw Failure(part, .unreadable, "cannot be read", remedy: "check the disk")
    }
    guard digest == checksum else {
      // A wrong file cannot be mended by receiving more of it.
      try? FileManager.default.removeItem(atPath: part)
      throw Failure(
        address, .checksum, "what was received has the md5 sum \(digest) instead of \(checksum)",
        remedy: "it was removed; run the same command again")
    }
  }

  // MARK: Unpacking

  private func unpack(_ archive: String, to target: String) throws(Failure) {
    let workshop = target + ".part"
    try? FileManager.default.removeItem(atPath: workshop)
    defer { try? FileManager.default.removeItem(atPath: workshop) }
    do {
      try FileManager.default.createDirectory(atPath: workshop, withIntermediateDirectories: true)
    } catch {
      throw Failure(
        workshop, .unwritable, "the folder cannot be made", remedy: "free some space on the disk")
    }
    let outcome = try Subprocess.outcome(
      of: ["tar", "-xzf", archive, "-C", workshop, "--no-same-owner"])
    guard outcome.status == 0 else {
      throw Failure(
        archive, .unpacking, "cannot be unpacked (\(outcome.lastError))",
        remedy: "free some space on the disk, or remove the archive and run again")
    }
    let unpacked = workshop + "/" + folderName
    guard isComplete(unpacked) else {
      throw Failure(
        archive, .unpacking, "does not contain the files that it should",
        remedy: "remove it and run the same command again")
    }
    try clear(target)
    try rename(unpacked, to: target)
  }

  /// Removes an incomplete folder, unless it holds anything that is not from the archive.
  private func clear(_ target: String) throws(Failure) {
    guard FileManager.default.fileExists(atPath: target) else { return }
    let present = (try? FileManager.default.contentsOfDirectory(atPath: target)) ?? [""]
    let known = Set(contents.map(\.name) + ["readme.html"])
    guard present.allSatisfy(known.contains) else {
      throw Failure(
        target, .unwritable, "is in the way and holds other files", remedy: "move it elsewhere")
    }
    try? FileManager.default.removeItem(atPath: target)
  }

  private func rename(_ path: String, to target: String) throws(Failure) {
    do {
      try FileManager.default.moveItem(atPath: path, toPath: target)
    } catch {
      throw Failure(
        target, .unwritable, "cannot be written", remedy: "choose a folder that you may write to")
    }
  }

  private static func size(of path: String) -> Int? {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes?[.size].flatMap { ($0 as? NSNumber)?.intValue }
  }
}

extension CIFAR10 {
  /// The official archive.
  ///
  /// - Parameter base: the address of the folder that it lies in, for mirrors.
  public static func archive(
    base: String = "https://www.cs.toronto.edu/~kriz"
  ) -> ArchiveDownload {
    ArchiveDownload(
      address: base + "/cifar-10-binary.tar.gz", checksum: "c32a1d4ab5d03f1284b67883e8d87530",
      size: 170_052_171, folderName: "cifar-10-batches-bin",
      contents: Part.allCases.flatMap { part in
        part.fileNames.map { .init($0, size: recordsPerFile * recordSize) }
      } + [.init("batches.meta.txt")])
  }
}
