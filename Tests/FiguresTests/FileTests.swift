import Files
import Foundation
import Testing

@testable import Figures

private let drawings = Gallery.all + Gallery.awkward

@Test(arguments: drawings.map(\.name))
func redrawingGivesTheSameBytes(_ name: String) throws {
  let drawing = try #require(drawings.first { $0.name == name }?.drawing)
  for format in FileFormat.allCases {
    let first = try drawing.rendered(as: format)
    let second = try drawing.rendered(as: format)
    #expect(first == second, "\(format)")
    #expect(first.count > 500)
  }
  // To look at the drawings: FIGURES_GALLERY=/tmp/gallery swift test --filter FiguresTests
  if let folder = ProcessInfo.processInfo.environment["FIGURES_GALLERY"] {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for format in FileFormat.allCases {
      try drawing.write(to: URL(fileURLWithPath: "\(folder)/\(name).\(format)"))
    }
  }
}

@Test func filesCarryNoDateAndNoCountOfTheProcess() throws {
  let plot = Gallery.heat
  let pdf = String(decoding: try plot.rendered(as: .pdf), as: Unicode.ASCII.self)
  #expect(pdf.contains("/CreationDate (20000101"))
  let svg = String(decoding: try plot.rendered(as: .svg), as: UTF8.self)
  #expect(svg.contains("id=\"n0\""))
  let ids = svg.matches(of: /id="([^"]*)"/).map { String($0.output.1) }
  #expect(ids == Set(ids).sorted { (Int($0.dropFirst()) ?? 0) < (Int($1.dropFirst()) ?? 0) })
  let references = svg.matches(of: /#([A-Za-z]+[-0-9]+)/).map { String($0.output.1) }
  #expect(!references.isEmpty && references.allSatisfy(ids.contains))
}

@Test func theSizeOfAPNGIsTheNaturalSizeTimesTheMagnification() throws {
  let header = try #require(PNGChunk.chunks(of: try Gallery.bars.rendered(as: .png)).first)
  func number(_ start: Int) -> Int {
    header.data[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
  }
  #expect(header.type == "IHDR")
  #expect(number(0) == 840 && number(4) == 580)
}

@Test func aFileIsReplacedWholeAndNothingElseIsLeft() throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(at: folder) }
  for name in ["a.svg", "a.pdf", "a.png", "a.PNG"] {
    let url = folder.appendingPathComponent(name)
    try Data("old".utf8).write(to: url)
    try Gallery.bars.write(to: url)
    #expect(try Data(contentsOf: url).count > 1000)
    let permissions = try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions]
    #expect(permissions as? Int == 0o644)
  }
  let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  #expect(names == ["a.PNG", "a.pdf", "a.png", "a.svg"])
}

@Test func errorsNameTheFileAndTheRemedy() throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(at: folder) }
  func error(_ name: String) -> Failure? {
    do throws(Failure) {
      try Gallery.bars.write(to: folder.appendingPathComponent(name))
      return nil
    } catch { return error }
  }
  let path = folder.path
  #expect(error("a.jpg") == .unknownExtension("\(path)/a.jpg", supported: ["svg", "pdf", "png"]))
  #expect(error("a") == .unknownExtension("\(path)/a", supported: ["svg", "pdf", "png"]))
  #expect(
    error("no/such/a.png")?.description
      == "\(path)/no/such/a.png: the folder does not exist; create it first")
  try FileManager.default.createDirectory(
    at: folder.appendingPathComponent("b.png"), withIntermediateDirectories: false)
  #expect(error("b.png")?.description == "\(path)/b.png: is a folder; name a file")
  #expect(
    Failure.missingFont("DejaVu Sans", package: "fonts-dejavu-core").description
      .contains("apt-get install -y fonts-dejavu-core"))
}

@Test func aFolderWithoutPermissionIsReported() throws {
  // Files of the kernel cannot be made by anybody, the superuser included.
  #expect(throws: Failure.self) {
    try Gallery.bars.write(to: URL(fileURLWithPath: "/proc/figure.png"))
  }
}
