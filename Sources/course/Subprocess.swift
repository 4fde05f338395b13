import Files
import Foundation
import Weaving

/// Other programs.
///
/// Foundation's `Process` puts a program into a process group of its own, where an interrupt from
/// the keyboard does not reach it; this one leaves it with its parent.
enum Subprocess {
  /// Runs a program that prints to where this one prints; returns its status, or 128 and the signal.
  static func run(_ arguments: [String]) throws(Problems) -> Int32 {
    wait(for: try spawn(arguments, output: nil, mergingErrors: false))
  }

  /// Runs a program and hands over what it prints, line by line as it comes.
  static func run(
    _ arguments: [String], mergingErrors: Bool = false,
    eachLine: (String) -> Void
  ) throws(Problems) -> Int32 {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw failure(arguments, errno) }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    defer { close(ends[0]) }
    let child: pid_t
    do {
      defer { close(ends[1]) }
      child = try spawn(arguments, output: ends[1], mergingErrors: mergingErrors)
    }
    readLines(ends[0], eachLine)
    return wait(for: child)
  }

  private static func spawn(
    _ arguments: [String], output: Int32?, mergingErrors: Bool
  ) throws(Problems) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let output {
      posix_spawn_file_actions_adddup2(&actions, output, 1)
      if mergingErrors { posix_spawn_file_actions_adddup2(&actions, output, 2) }
      posix_spawn_file_actions_addclose(&actions, output)
    }
    var pointers = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var child = pid_t()
    let status = posix_spawnp(&child, arguments[0], &actions, nil, pointers, environ)
    guard status == 0 else { throw failure(arguments, status) }
    return child
  }

  private static func readLines(_ descriptor: Int32, _ eachLine: (String) -> Void) {
    var pending: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      pending += buffer[..<count]
      while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        eachLine(String(decoding: pending[..<end], as: UTF8.self))
        pending.removeSubrange(...end)
      }
    }
    if !pending.isEmpty { eachLine(String(decoding: pending, as: UTF8.self)) }
  }

  private static func wait(for child: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }

  private static func failure(_ arguments: [String], _ code: Int32) -> Problems {
    Problems([
      Problem(arguments[0], "cannot be run: \(String(cString: strerror(code)))")
    ])
  }
}
