/// What can go wrong when a figure is written; the description names the file and the remedy.
public enum FigureError: Error, Equatable, CustomStringConvertible {
  /// The name of the file does not say which format is wanted.
  case unknownExtension(String, supported: [String])
  /// The folder of the file does not exist.
  case missingFolder(String)
  /// The file or its folder may not be written.
  case notWritable(String)
  /// The disk has no room for the file.
  case diskFull(String)
  /// The system refused to write the file for another reason.
  case system(String, reason: String)
  /// The family that text is set in is not installed.
  case missingFont(String, package: String)
  /// Cairo could not draw.
  case drawing(String)
  /// The frames of an animation do not have one size, or there are none.
  case frames(String)

  /// One line with the file or the package and the remedy.
  public var description: String {
    switch self {
    case .unknownExtension(let path, let supported):
      "\(path): cannot tell the format from the name; end it in "
        + supported.map { ".\($0)" }.joined(separator: " or ")
    case .missingFolder(let path): "\(path): the folder does not exist; create it first"
    case .notWritable(let path):
      "\(path): no permission to write here; choose another folder or change its permissions"
    case .diskFull(let path): "\(path): the disk is full; free some space or choose another folder"
    case .system(let path, let reason):
      "\(path): cannot be written: \(reason); choose another place"
    case .missingFont(let family, let package):
      "the font \(family) is not installed; sudo apt-get install -y \(package)"
    case .drawing(let reason):
      "Cairo cannot draw the figure: \(reason); check that its numbers and its size are finite"
    case .frames(let reason): "\(reason); give an animation frames of one size"
    }
  }
}
