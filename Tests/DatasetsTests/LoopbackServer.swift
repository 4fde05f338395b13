import Foundation

/// A server on the loopback that serves one file, with byte ranges, and can be told to misbehave.
final class LoopbackServer: @unchecked Sendable {
  /// What the server does wrong.
  struct Manners: Sendable {
    /// Whether it honours byte ranges.
    var hasRanges = true
    /// After how many bytes it hangs up, for each request in turn; past the list it behaves.
    var breaksAfter: [Int] = []
    /// The status of every answer, if not 200 or 206.
    var status: Int?
  }

  let port: UInt16
  private let content: Data
  private let manners: Manners
  private let listener: Int32
  private let lock = NSLock()
  private var seen: [String] = []

  /// The `Range` header of every request so far; empty where there was none.
  var ranges: [String] { lock.withLock { seen } }

  /// The address of the folder that the file seems to lie in.
  var base: String { "http://127.0.0.1:\(port)" }

  init(_ content: Data, _ manners: Manners = Manners()) {
    self.content = content
    self.manners = manners
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) + listen(listener, 8) + getsockname(listener, $0, &length)
      }
    }
    guard bound == 0 else { fatalError("no socket on the loopback") }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        if connection < 0 { return }
        answer(connection)
        close(connection)
      }
    }
  }

  /// Stops listening.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private func answer(_ connection: Int32) {
    let range = readRange(connection)
    let turn = lock.withLock { () -> Int in
      seen.append(range)
      return seen.count - 1
    }
    if let status = manners.status {
      send(connection, Data("HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n".utf8))
      return
    }
    let start = Int(range.dropFirst("bytes=".count).prefix { $0.isNumber }) ?? 0
    let resumes = manners.hasRanges && start > 0
    if resumes && start >= content.count {
      send(connection, Data("HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n".utf8))
      return
    }
    let body = resumes ? content.dropFirst(start) : content
    var head = resumes ? "HTTP/1.1 206 Partial Content\r\n" : "HTTP/1.1 200 OK\r\n"
    if resumes {
      head += "Content-Range: bytes \(start)-\(content.count - 1)/\(content.count)\r\n"
    }
    head += "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
    let limit = turn < manners.breaksAfter.count ? manners.breaksAfter[turn] : body.count
    send(connection, Data(head.utf8) + body.prefix(limit))
  }

  /// Reads a request up to its empty line and picks out the range.
  private func readRange(_ connection: Int32) -> String {
    var request = Data()
    var buffer = [UInt8](repeating: 0, count: 4096)
    while request.range(of: Data("\r\n\r\n".utf8)) == nil {
      let count = recv(connection, &buffer, buffer.count, 0)
      if count <= 0 { break }
      request += buffer[..<count]
    }
    let lines = String(decoding: request, as: UTF8.self).components(separatedBy: "\r\n")
    return lines.first { $0.lowercased().hasPrefix("range:") }?
      .dropFirst("range:".count).trimmingCharacters(in: .whitespaces) ?? ""
  }

  private func send(_ connection: Int32, _ data: Data) {
    data.withUnsafeBytes { bytes in
      var sent = 0
      while sent < bytes.count {
        let count = Foundation.send(
          connection, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
        if count <= 0 { return }
        sent += count
      }
    }
  }
}

/// A folder for one test, removed at its end.
struct Folder: ~Copyable {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "datasets-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ bytes: [UInt8], to name: String) {
    _ = FileManager.default.createFile(atPath: path + "/" + name, contents: Data(bytes))
  }
}
