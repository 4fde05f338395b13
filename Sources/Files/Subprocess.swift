import Foundation

/// Runs other programs.
///
/// Foundation's `Process` puts a program into a process group of its own, where an interrupt from
/// the keyboard does not reach it; these programs stay in the group of their parent. A program is
/// named by a path, or by a name that is looked up on PATH.
public enum Subprocess {
  /// How a program ended, and what it printed.
  public struct Outcome: Sendable {
    /// The exit status, or 128 plus the number of the signal that ended it.
    public let status: Int32
    /// All that it wrote to standard output.
    public let output: String
    /// All that it wrote to standard error.
    public let errors: String

    /// The last line that is not empty of what it wrote to standard error; empty if there is none.
    public var lastError: String {
      errors.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        .last { !$0.isEmpty } ?? ""
    }
  }

  /// Runs a program that prints to where this one prints; returns its exit status.
  ///
  /// - Throws: `Failure` if it cannot be started; so do the others.
  public static func run(_ arguments: [String]) throws(Failure) -> Int32 {
    wait(for: try spawn(arguments, [:]))
  }

  /// Runs a program and passes on what it prints, line by line, as it comes.
  ///
  /// - Parameters:
  ///   - mergingErrors: passes on standard error too; by default it goes where this program's goes.
  ///   - count: the program is ended after this number of lines.
  public static func run(
    _ arguments: [String], mergingErrors: Bool = false, atMost count: Int = .max,
    eachLine: (String) -> Void
  ) throws(Failure) -> Int32 {
    let pipe = try Pipe(for: arguments)
    let child = try spawn(arguments, mergingErrors ? [1: pipe, 2: pipe] : [1: pipe])
    var pending: [UInt8] = []
    var lines = 0
    while lines < count, let bytes = pipe.read(), !bytes.isEmpty {
      pending += bytes
      while lines < count, let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        eachLine(String(decoding: pending[..<end], as: UTF8.self))
        pending.removeSubrange(...end)
        lines += 1
      }
    }
    if lines < count, !pending.isEmpty { eachLine(String(decoding: pending, as: UTF8.self)) }
    if lines >= count { kill(child, SIGTERM) }
    // A program that writes on finds nobody reading.
    pipe.closeReadingEnd()
    return wait(for: child)
  }

  /// Runs a program without input and collects what it prints.
  ///
  /// - Parameter meanwhile: is called several times a second while the program runs, and once after.
  public static func outcome(
    of arguments: [String], meanwhile: () -> Void = {}
  ) throws(Failure) -> Outcome {
    let pipes = [try Pipe(for: arguments), try Pipe(for: arguments)]
    let child = try spawn(arguments, [1: pipes[0], 2: pipes[1]], hasInput: false)
    var texts: [[UInt8]] = [[], []]
    var isOpen = [true, true]
    while isOpen.contains(true) {
      var states = pipes.indices.map { i in
        pollfd(fd: isOpen[i] ? pipes[i].reading : -1, events: Int16(POLLIN), revents: 0)
      }
      _ = unsafe poll(&states, 2, 50)
      for i in 0..<2 where states[i].revents != 0 {
        let bytes = pipes[i].read() ?? []
        texts[i] += bytes
        isOpen[i] = !bytes.isEmpty
      }
      meanwhile()
    }
    let status = wait(for: child)
    meanwhile()
    return Outcome(
      status: status, output: String(decoding: texts[0], as: UTF8.self),
      errors: String(decoding: texts[1], as: UTF8.self))
  }

  // MARK: - System calls

  /// The two ends of a pipe; the writing end is closed once the program has it.
  private final class Pipe {
    private(set) var reading: Int32
    private(set) var writing: Int32

    init(for arguments: [String]) throws(Failure) {
      var ends: [Int32] = [0, 0]
      guard unsafe pipe(&ends) == 0 else { throw Subprocess.failure(arguments, errno) }
      (reading, writing) = (ends[0], ends[1])
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    deinit {
      closeWritingEnd()
      closeReadingEnd()
    }

    func closeReadingEnd() {
      if reading >= 0 { close(reading) }
      reading = -1
    }

    func closeWritingEnd() {
      if writing >= 0 { close(writing) }
      writing = -1
    }

    /// The next bytes; none at the end, nil after an error.
    func read() -> [UInt8]? {
      var buffer = [UInt8](repeating: 0, count: 65536)
      while true {
        let count = unsafe Foundation.read(reading, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        return count < 0 ? nil : Array(buffer[..<count])
      }
    }
  }

  /// Starts a program with the given pipes in place of its descriptors.
  private static func spawn(
    _ arguments: [String], _ outputs: [Int32: Pipe], hasInput: Bool = true
  ) throws(Failure) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if !hasInput { unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) }
    for (descriptor, pipe) in outputs {
      unsafe posix_spawn_file_actions_adddup2(&actions, pipe.writing, descriptor)
    }
    // Signals that this program ignores or blocks have their usual effect on the other.
    var attributes = posix_spawnattr_t()
    var signals = sigset_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGTERM, SIGINT, SIGPIPE] { unsafe sigaddset(&signals, signal) }
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var pointers = unsafe arguments.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    defer { for i in unsafe pointers.indices { unsafe free(pointers[i]) } }
    var child = pid_t()
    let status = unsafe posix_spawnp(&child, arguments[0], &actions, &attributes, pointers, environ)
    for pipe in outputs.values { pipe.closeWritingEnd() }
    guard status == 0 else { throw failure(arguments, status) }
    return child
  }

  private static func wait(for child: pid_t) -> Int32 {
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }

  private static func failure(_ arguments: [String], _ code: Int32) -> Failure {
    let name = arguments[0]
    if code == ENOENT, !name.contains("/") {
      return Failure(
        name, .missingTool, "this program is not installed",
        remedy: "install it: sudo apt-get install -y \(name)")
    }
    return Failure(
      name, .missingTool, unsafe "cannot be run: \(String(cString: strerror(code)))",
      remedy: "check that it exists and is executable")
  }
}
