import Foundation
import TestSupport
import Testing

/// The errors of `benchmark`: one line on standard error, before any time is spent.
@Suite struct CommandTests {
  private let benchmark = Program(name: "benchmark")

  private func expectError(
    _ arguments: [String], in folder: String, _ text: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try benchmark.run(arguments, in: folder)
    #expect(outcome.status != 0, sourceLocation: sourceLocation)
    #expect(outcome.output.isEmpty, "\(outcome.output)", sourceLocation: sourceLocation)
    #expect(outcome.errors.contains(text), "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.errors.count { $0 == "\n" } == 1, sourceLocation: sourceLocation)
  }

  private func script(_ text: String, in folder: String, executable: Bool = true) throws -> String {
    let path = "\(folder)/python"
    try writeProgram("#!/bin/sh\n\(text)\n", to: path, executable: executable)
    return path
  }

  @Test func aPythonThatIsNotThereIsNamed() throws {
    try withTemporaryFolder { folder in
      try expectError(
        ["--against", "/no/such/python"], in: folder,
        "/no/such/python: cannot be run: No such file or directory; check that it exists")
      try expectError(
        ["--against", try script("", in: folder, executable: false)], in: folder,
        "/python: cannot be run: Permission denied; check that it exists and is executable")
    }
  }

  @Test func aMissingLibraryIsNamedWithTheCommandThatInstallsIt() throws {
    try withTemporaryFolder { folder in
      let python = try script("echo 'torch is not installed' >&2; exit 3", in: folder)
      try expectError(
        ["--against", python], in: folder,
        "\(python): torch is not installed; "
          + "install them with: \(python) -m pip install torch diffusers")
    }
  }

  @Test func aProgramThatIsNoPythonIsRefused() throws {
    try withTemporaryFolder { folder in
      try expectError(
        ["--against", try script("echo no >&2; exit 9", in: folder)], in: folder,
        "ended with status 9: no; give the Python of an environment with torch and diffusers")
    }
  }

  @Test func aFailureOfTheScriptIsReported() throws {
    try withTemporaryFolder { folder in
      let python = try script(
        """
        [ "$2" = --versions ] && { echo '{"pytorch": "1", "diffusers": "2"}'; exit 0; }
        echo 'out of memory' >&2; exit 1
        """, in: folder)
      let outcome = try benchmark.run(
        [
          "unet-small", "--against", python, "--rounds", "1", "--seconds", "0.01",
        ], in: folder)
      #expect(outcome.status == 1)
      let words = "\(python): ended with status 1: out of memory; run it alone"
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(outcome.output.contains("PyTorch 1, diffusers 2"))
    }
  }

  @Test func optionsThatDoNotWorkAreRefused() throws {
    try withTemporaryFolder { folder in
      for (arguments, text) in [
        (["--rounds", "2"], "--rounds is for --against PYTHON"),
        (["--against", "python3", "--rounds", "0"], "--rounds is 0; give at least 1"),
        (["conv", "--against", "python3"], "--against compares networks; conv is none"),
        (["--against", "python3", "--seconds", "0"], "--seconds is 0.0; give more than 0"),
        (["--against", "python3", "--threads", "0"], "--threads is 0; give at least 1"),
        (["ladder", "--channels", "20"], "--channels is 20; give a multiple of 32"),
        (["growth", "--figure", "a.gif"], "--figure is a.gif; give a name in .svg, .pdf, .png"),
        (["growth", "--figure", "no/a.svg"], "is no folder to write to"),
        (["laddder"], "laddder"),
      ] {
        try expectError(arguments, in: folder, text)
      }
    }
  }
}
