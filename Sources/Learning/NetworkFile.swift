import Files
import Foundation

/// What a file of weights says of the network that they belong to, as JSON in its metadata.
enum NetworkFile {
  /// The note on `value`, to be written beside the weights.
  static func notes(_ value: some Encodable) -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else {
      fatalError("a configuration is always encodable")
    }
    return ["configuration": String(decoding: data, as: UTF8.self)]
  }

  /// Reads the note in the file from `path`.
  ///
  /// - Throws: `Failure` of kind `otherConfiguration` if there is none of this type.
  static func note<Value: Decodable>(
    _ type: Value.Type, in file: Safetensors, path: String
  ) throws(Failure) -> Value {
    guard let text = file.metadata["configuration"],
      let value = try? JSONDecoder().decode(type, from: Data(text.utf8))
    else {
      throw Failure(
        path, .otherConfiguration, "does not say what network of this course its weights are for",
        remedy: "name a folder that train-autoencoder, train-denoiser, train-classifier or export "
          + "wrote")
    }
    return value
  }

  /// The path of `file` if `path` is the folder that holds it, and otherwise `path`.
  static func path(_ path: String, file: String) -> String {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return exists && isFolder.boolValue ? "\(path)/\(file)" : path
  }
}
