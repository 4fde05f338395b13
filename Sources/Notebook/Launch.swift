import ArgumentParser
import Foundation
import Synchronization

/// How a chapter starts and how it stops early.
enum Launch {
  /// The name, abstract and subcommands under which the arguments are read.
  static let configuration = Mutex(CommandConfiguration())

  /// Reads the command line. Help goes to standard output; a mistake ends the program with one line
  /// on standard error; a subcommand runs and ends it.
  static func arguments<Extra: ParsableArguments>(
    _ identity: ChapterIdentity, abstract: String, adding extra: Extra.Type,
    commands: [any ParsableCommand.Type]
  ) -> ChapterCommand<Extra> {
    configuration.withLock {
      $0 = CommandConfiguration(
        commandName: identity.command, abstract: abstract,
        discussion: "Runs the chapter: prints every check and writes every figure. "
          + "The exit status is 1 if a check fails.",
        subcommands: commands)
    }
    var words = CommandLine.arguments.dropFirst()
    if words.first == "help" { words.removeFirst() }
    if let named = words.first, commands.contains(where: { name(of: $0) == named }) {
      run(identity.command + " " + named)
    }
    do {
      var command = try ChapterCommand<Extra>.parseAsRoot()
      if let chapter = command as? ChapterCommand<Extra> { return chapter }
      if let misplaced = commands.first(where: { type(of: command) == $0 }) {
        stop(misplacedOptions(name(of: misplaced), identity.command))
      }
      try command.run()  // The parser's own command for --help, which ends by throwing the text.
      stop("\(identity.command) has no such command")
    } catch {
      stop(ChapterCommand<Extra>.self, error, command: identity.command)
    }
  }

  /// The word that calls a subcommand: the name it was given, or else its type's in small letters
  /// with hyphens.
  static func name(of command: any ParsableCommand.Type) -> String {
    if let name = command.configuration.commandName { return name }
    var name = ""
    for character in "\(command)" {
      if character.isUppercase, !name.isEmpty { name += "-" }
      name += character.lowercased()
    }
    return name
  }

  /// Why a subcommand with options before its name does not run: the chapter would have read those
  /// options, and the subcommand would do something else than was asked for.
  static func misplacedOptions(_ name: String, _ command: String) -> String {
    "options of '\(name)' stand after its name, as in \(command) \(name) --help"
  }

  /// Runs the subcommand that the command line starts with.
  ///
  /// It is read without the chapter's own options, which would take those of the same name away
  /// from it.
  private static func run(_ command: String) -> Never {
    do {
      var subcommand = try CommandList.parseAsRoot()
      try subcommand.run()
      fflush(nil)
      exit(0)
    } catch {
      stop(CommandList.self, error, command: command)
    }
  }

  private static func stop<Command: ParsableCommand>(
    _ type: Command.Type, _ error: any Error, command: String
  ) -> Never {
    let code = type.exitCode(for: error)
    let ending = ending(
      isSuccess: code.isSuccess, isUsage: code == .validationFailure,
      message: code.isSuccess ? type.fullMessage(for: error) : type.message(for: error),
      command: command)
    fflush(nil)
    if code.isSuccess {
      writeAll(ending, to: 1)
    } else if !ending.isEmpty {
      writeAll(ending, to: 2)
    }
    exit(code.rawValue)
  }

  /// The text to end with: help as it is, an error as one line.
  static func ending(isSuccess: Bool, isUsage: Bool, message: String, command: String) -> String {
    let lines = message.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    if lines.isEmpty { return "" }
    if isSuccess { return message + "\n" }
    var line = "error: " + lines.joined(separator: " ")
    if isUsage {
      line += (line.hasSuffix(".") || line.hasSuffix("?") ? "" : ".") + " See \(command) --help"
    }
    return line + "\n"
  }

  /// Ends the program with one line on standard error and exit status 1.
  static func stop(_ message: String) -> Never {
    fflush(nil)
    writeAll("error: \(message)\n", to: 2)
    exit(1)
  }
}

/// An error in one line; of Foundation's long ones, what the system said.
func oneLine(_ error: any Error) -> String {
  var text = "\(error)"
  if let cocoa = error as? CocoaError {
    let reason = cocoa.underlying as? POSIXError
    text =
      reason.map { unsafe String(cString: strerror($0.code.rawValue)) }
      ?? cocoa.localizedDescription
  }
  return text.split(separator: "\n").joined(separator: " ")
}

/// Writes all of `text` to a file descriptor, at once and unbuffered; returns whether it could.
@discardableResult
func writeAll(_ text: String, to descriptor: Int32) -> Bool {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let written = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    if written < 0 {
      if errno == EINTR || errno == EAGAIN { continue }
      return false
    }
    rest = rest.dropFirst(written)
  }
  return true
}

/// Who a chapter is, from the place of its source file.
struct ChapterIdentity: Sendable {
  /// The folder's name, such as `00-forward-process`.
  var name: String
  /// The source file.
  var source: String

  init(file: StaticString) {
    source = "\(file)"
    name = source.split(separator: "/").dropLast().last.map(String.init) ?? "chapter"
  }

  /// The name of the program.
  var command: String {
    CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "chapter-\(name)"
  }

  /// The package that the source lies in, if it is still there: the nearest folder above with a
  /// `Package.swift`.
  var package: String? {
    var folder = source
    while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex {
      folder = String(folder[..<slash])
      if unsafe access(folder + "/Package.swift", F_OK) == 0 { return folder }
    }
    return nil
  }
}
