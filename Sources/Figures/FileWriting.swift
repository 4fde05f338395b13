import Foundation

/// Writes a file beside the target and renames it, so that the target is whole or untouched.
func writeAtomically(_ bytes: [UInt8], to path: String) throws(FigureError) {
  var isFolder: ObjCBool = false
  if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
    throw .system(path, reason: "it is a folder")
  }
  var template = Array("\(path).XXXXXX".utf8CString)
  let descriptor = mkstemp(&template)
  guard descriptor >= 0 else { throw failure(errno, path) }
  var finished = false
  defer { if !finished { unlink(template) } }
  do {
    defer { close(descriptor) }
    try writeAll(bytes, to: descriptor, path: path)
    // mkstemp keeps the file to its owner; a figure is for everybody who may read the folder.
    fchmod(descriptor, 0o644)
    guard fsync(descriptor) == 0 else { throw failure(errno, path) }
  } catch {
    throw error as? FigureError ?? .system(path, reason: "\(error)")
  }
  guard rename(template, path) == 0 else { throw failure(errno, path) }
  finished = true
}

/// Writes all bytes to an open file; `path` is what errors name.
func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FigureError) {
  var offset = 0
  while offset < bytes.count {
    let written = bytes.withUnsafeBytes {
      write(descriptor, $0.baseAddress! + offset, bytes.count - offset)
    }
    if written < 0 {
      if errno == EINTR { continue }
      throw failure(errno, path)
    }
    offset += written
  }
}

private func failure(_ code: Int32, _ path: String) -> FigureError {
  switch code {
  case ENOENT, ENOTDIR: .missingFolder(path)
  case EACCES, EPERM, EROFS: .notWritable(path)
  case ENOSPC, EDQUOT: .diskFull(path)
  default: .system(path, reason: String(cString: strerror(code)))
  }
}
