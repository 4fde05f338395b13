import ArgumentParser
import Foundation

/// The commands beside the chapter itself.
struct LatentDiffusion: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chapter-07-latent-diffusion",
    abstract: "Latent diffusion of 32x32 images: download, train, sample.",
    discussion: """
      Without a command, the chapter itself runs: it samples from the weights in this repository \
      and checks its claims.
      """,
    subcommands: [
      Download.self, TrainAutoencoder.self, TrainDenoiser.self, Sample.self, Reconstruct.self,
      Export.self,
    ])

  /// Runs the command that the program's arguments name; returns if they name none.
  static func runCommandIfNamed() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let first = arguments.first, !first.hasPrefix("-") else { return }
    do {
      let names = configuration.subcommands.compactMap { $0.configuration.commandName }
      guard names.contains(first) || first == "help" else {
        throw CommandError(
          "unknown command '\(first)'", remedy: "the commands are \(names.joined(separator: ", "))")
      }
      var command = try parseAsRoot(arguments)
      try command.run()
      Foundation.exit(0)
    } catch {
      end(with: error, command: first)
    }
  }

  /// Prints help where it was asked for; else what is wrong, in one line, and ends with an error.
  private static func end(with error: any Error, command: String) -> Never {
    let code = exitCode(for: error)
    if code == .success {
      print(fullMessage(for: error))
    } else if error is ExitCode {
      Foundation.exit(code.rawValue)
    } else {
      var text = message(for: error).split(separator: "\n").joined(separator: " ")
      if code == .validationFailure { text += "; see '\(command) --help'" }
      FileHandle.standardError.write(Data("error: \(text)\n".utf8))
    }
    Foundation.exit(code.rawValue)
  }
}
