import Foundation

/// The processor that the program runs on.
public enum Processor {
  /// The model's name as Linux gives it, or nil.
  public static let name: String? = {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return lines.split(separator: "\n").first { $0.hasPrefix("model name") }
      .flatMap { $0.split(separator: ":").last }?.trimmingCharacters(in: .whitespaces)
  }()
}
