import Files
import Foundation

/// Writes a program, such as a shell script, by way of another process.
///
/// A file cannot be run while it is open for writing anywhere, and a process that another test starts
/// at the same time may inherit a file that this one has open.
public func writeProgram(_ text: String, to path: String, executable: Bool = true) throws {
  let mode = executable ? "755" : "644"
  try run("printf '%s' \"$1\" > \"$2\" && chmod \"$3\" \"$2\"", text, path, mode)
}

/// Copies a program by way of another process.
public func copyProgram(_ source: String, to path: String) throws {
  try run("cp \"$1\" \"$2\"", source, path)
}

private func run(_ script: String, _ arguments: String...) throws {
  let status = try Subprocess.run(["/bin/sh", "-c", script, "sh"] + arguments)
  guard status == 0 else { throw CocoaError(.fileWriteUnknown) }
}
