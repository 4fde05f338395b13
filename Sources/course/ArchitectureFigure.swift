import Figures

/// The modules of the package in layers, with an arrow to each that a module is built on.
///
/// An arrow that a path of others implies is left out.
struct ArchitectureFigure: Drawable {
  private static let box = Size(118, 30)
  private static let gap = Size(14, 34)
  private static let margin = 12.0
  private static let chapters = "chapters"

  /// The modules by layer, the lowest first.
  private let layers: [[String]]
  /// What each module is drawn with an arrow to.
  let arrows: [String: [String]]

  init(_ graph: PackageGraph) {
    var dependencies: [String: Set<String>] = [:]
    for target in graph.targets {
      let drawn = target.kind != .tests && target.name != "sample-chapter"
      guard drawn else { continue }
      let name = target.kind == .chapter ? Self.chapters : target.name
      dependencies[name, default: []].formUnion(target.dependencies)
    }
    let modules = Set(dependencies.keys)
    dependencies = dependencies.mapValues { $0.intersection(modules) }
    arrows = Self.reduced(dependencies)
    layers = Self.layers(arrows)
  }

  /// The arrows as text, a line for each module, for the figure's description.
  var description: String {
    arrows.keys.sorted().map { "\($0): \(arrows[$0, default: []].joined(separator: " "))" }
      .joined(separator: "; ")
  }

  // MARK: - Layout

  /// Leaves out every dependency that another one has too.
  private static func reduced(_ all: [String: Set<String>]) -> [String: [String]] {
    func below(_ name: String) -> Set<String> {
      all[name, default: []].reduce(into: []) { $0.formUnion(below($1).union([$1])) }
    }
    return all.mapValues { direct in
      let implied = direct.reduce(into: Set<String>()) { $0.formUnion(below($1)) }
      return direct.subtracting(implied).sorted()
    }
  }

  private static func layers(_ arrows: [String: [String]]) -> [[String]] {
    func height(_ name: String) -> Int {
      arrows[name, default: []].map { height($0) + 1 }.max() ?? 0
    }
    let names = arrows.keys.sorted()
    var layers = [[String]](repeating: [], count: (names.map(height).max() ?? 0) + 1)
    for name in names { layers[height(name)].append(name) }
    // Modules stand above the middle of those that they are built on.
    for i in layers.indices.dropFirst() {
      var place: [String: Double] = [:]
      for layer in layers[..<i] {
        for (j, name) in layer.enumerated() {
          place[name] = (Double(j) + 0.5) / Double(layer.count)
        }
      }
      func middle(_ name: String) -> Double {
        let below = arrows[name, default: []].compactMap { place[$0] }
        return below.isEmpty ? 0.5 : below.reduce(0, +) / Double(below.count)
      }
      layers[i].sort { (middle($0), $0) < (middle($1), $1) }
    }
    return layers
  }

  private var widest: Int { layers.map(\.count).max() ?? 0 }

  var size: Size {
    let (columns, rows) = (Double(widest), Double(layers.count))
    return Size(
      columns * Self.box.width + (columns - 1) * Self.gap.width + 2 * Self.margin,
      rows * Self.box.height + (rows - 1) * Self.gap.height + 2 * Self.margin)
  }

  private func boxes(in rectangle: Rectangle) -> [String: Rectangle] {
    var result: [String: Rectangle] = [:]
    for (row, layer) in layers.enumerated() {
      let width = rectangle.width - 2 * Self.margin
      let y =
        rectangle.bottom - Self.margin - Self.box.height
        - Double(row) * (Self.box.height + Self.gap.height)
      for (column, name) in layer.enumerated() {
        let middle =
          rectangle.x + Self.margin + width * (Double(column) + 0.5) / Double(layer.count)
        result[name] = Rectangle(
          x: middle - Self.box.width / 2, y: y, width: Self.box.width, height: Self.box.height)
      }
    }
    return result
  }

  // MARK: - Drawing

  func draw(on canvas: Canvas, in rectangle: Rectangle) {
    let boxes = boxes(in: rectangle)
    for (name, targets) in arrows.sorted(by: { $0.key < $1.key }) {
      guard let from = boxes[name] else { continue }
      for case let to? in targets.map({ boxes[$0] }) { drawArrow(from, to, on: canvas) }
    }
    for (name, box) in boxes.sorted(by: { $0.key < $1.key }) {
      let color = Self.color(of: name)
      let path = Path.rectangle(box, radius: 5)
      canvas.fill(path, Color.white.mixed(with: color, 0.22))
      canvas.stroke(path, color, width: 1.2)
      canvas.text(name, at: box.center, anchor: .center)
    }
  }

  private func drawArrow(_ from: Rectangle, _ to: Rectangle, on canvas: Canvas) {
    // Arrows leave and arrive where the line between the centers would, but not at the corners.
    let lean = (to.center.x - from.center.x) / 8
    let reach = Self.box.width / 2 - 10
    let shift = max(-reach, min(reach, lean))
    let start = Point(from.center.x + shift, from.bottom)
    let end = Point(to.center.x - shift, to.top)
    let half = (end.y - start.y) / 2
    var path = Path()
    path.move(to: start)
    path.curve(to: end, Point(start.x, start.y + half), Point(end.x, end.y - half))
    canvas.stroke(path, .axis, width: 1)
    canvas.fill(
      .polygon([end, Point(end.x - 3, end.y - 7), Point(end.x + 3, end.y - 7)]), .axis)
  }

  private static func color(of name: String) -> Color {
    switch name {
    case "COpenBLAS", "CCairo", "CProcessor": .axis
    case chapters, "course", "benchmark": .vermilion
    case "Figures", "Weaving", "Notebook", "KnownMistakes": .green
    default: .blue
    }
  }
}
