import Figures

/// The modules of the package in layers, with an arrow to each that a module is built on.
///
/// An arrow that a path of others implies is left out.
struct ArchitectureFigure: Drawable {
  private static let box = Size(118, 30)
  private static let gap = Size(14, 34)
  private static let margin = 12.0
  private static let chapters = "chapters"

  /// The modules by layer, the lowest first, and the places where arrows pass a layer.
  private let layers: [[Node]]
  /// The arrows with the places that they pass.
  private let routes: [[String]]
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
    let arrows = arrows
    func height(_ name: String) -> Int {
      arrows[name, default: []].map { height($0) + 1 }.max() ?? 0
    }
    let names = arrows.keys.sorted()
    routes = Self.routes(arrows, height)
    var nodes = [[Node]](repeating: [], count: (names.map(height).max() ?? 0) + 1)
    for name in names { nodes[height(name)].append(Node(name: name, isModule: true)) }
    for route in routes {
      for (step, name) in route.enumerated().dropFirst().dropLast() {
        nodes[height(route[0]) - step].append(Node(name: name, isModule: false))
      }
    }
    layers = Self.ordered(nodes, routes)
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

  /// A place in a layer: a module, or an arrow on its way between two modules further apart.
  private struct Node {
    let name: String
    let isModule: Bool
    var width: Double { isModule ? ArchitectureFigure.box.width : 6 }
  }

  /// The way of an arrow: the module above, the places that it passes, the module below.
  private static func routes(
    _ arrows: [String: [String]], _ height: (String) -> Int
  ) -> [[String]] {
    arrows.keys.sorted().flatMap { from in
      arrows[from, default: []].map { to in
        let between = (height(to) + 1..<max(height(to) + 1, height(from))).reversed()
        return [from] + between.map { "\(from) to \(to) at \($0)" } + [to]
      }
    }
  }

  /// Orders the nodes of each layer by the mean position of those that they are connected with, below
  /// and above in turn, which removes most crossings (Sugiyama et al., "Methods for visual
  /// understanding of hierarchical system structures", 1981).
  private static func ordered(_ layers: [[Node]], _ routes: [[String]]) -> [[Node]] {
    var neighbors: [String: [String]] = [:]
    for route in routes {
      for (above, below) in zip(route, route.dropFirst()) {
        neighbors[above, default: []].append(below)
        neighbors[below, default: []].append(above)
      }
    }
    var layers = layers
    for sweep in 0..<24 {
      let isUpward = sweep.isMultiple(of: 2)
      for i in isUpward ? Array(layers.indices.dropFirst()) : layers.indices.dropLast().reversed() {
        let reference = layers[isUpward ? i - 1 : i + 1]
        var place: [String: Double] = [:]
        for (j, node) in reference.enumerated() {
          place[node.name] = (Double(j) + 0.5) / Double(reference.count)
        }
        let own = layers[i].enumerated().map { j, node -> (Double, Int) in
          let places = neighbors[node.name, default: []].compactMap { place[$0] }
          let current = (Double(j) + 0.5) / Double(layers[i].count)
          return (places.isEmpty ? current : places.reduce(0, +) / Double(places.count), j)
        }
        layers[i] = own.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map { layers[i][$0.1] }
      }
    }
    return layers
  }

  private static func width(of layer: [Node]) -> Double {
    layer.reduce(-gap.width) { $0 + $1.width + gap.width }
  }

  var size: Size {
    let rows = Double(layers.count)
    return Size(
      (layers.map(Self.width).max() ?? 0) + 2 * Self.margin,
      rows * Self.box.height + (rows - 1) * Self.gap.height + 2 * Self.margin)
  }

  /// The rectangle of every node: the room that a layer leaves is divided among its gaps and ends.
  private func boxes(in rectangle: Rectangle) -> [String: Rectangle] {
    var result: [String: Rectangle] = [:]
    for (row, layer) in layers.enumerated() {
      let room = rectangle.width - 2 * Self.margin - Self.width(of: layer)
      let extra = room / Double(layer.count + 1)
      let y =
        rectangle.bottom - Self.margin - Self.box.height
        - Double(row) * (Self.box.height + Self.gap.height)
      var x = rectangle.x + Self.margin + extra
      for node in layer {
        result[node.name] = Rectangle(x: x, y: y, width: node.width, height: Self.box.height)
        x += node.width + Self.gap.width + extra
      }
    }
    return result
  }

  // MARK: - Drawing

  func draw(on canvas: Canvas, in rectangle: Rectangle) {
    let boxes = boxes(in: rectangle)
    for route in routes { drawArrow(route.compactMap { boxes[$0] }, on: canvas) }
    for node in layers.joined() where node.isModule {
      guard let box = boxes[node.name] else { continue }
      let color = Self.color(of: node.name)
      let path = Path.rectangle(box, radius: 5)
      canvas.fill(path, Color.white.mixed(with: color, 0.22))
      canvas.stroke(path, color, width: 1.2)
      canvas.text(node.name, at: box.center, anchor: .center)
    }
  }

  /// Draws a curve from the first box to the last, straight down through those between.
  private func drawArrow(_ stops: [Rectangle], on canvas: Canvas) {
    guard stops.count > 1, let first = stops.first, let last = stops.last else { return }
    // Arrows leave and arrive nearer to where they come from, but not at the corners.
    func shifted(_ box: Rectangle, toward other: Rectangle) -> Double {
      let reach = Self.box.width / 2 - 10
      return box.center.x + max(-reach, min(reach, (other.center.x - box.center.x) / 6))
    }
    var place = Point(shifted(first, toward: stops[1]), first.bottom)
    let end = Point(shifted(last, toward: stops[stops.count - 2]), last.top)
    var path = Path()
    path.move(to: place)
    func curve(to next: Point) {
      let half = (next.y - place.y) / 2
      path.curve(to: next, Point(place.x, place.y + half), Point(next.x, next.y - half))
      place = next
    }
    for stop in stops.dropFirst().dropLast() {
      curve(to: Point(stop.center.x, stop.top))
      place = Point(stop.center.x, stop.bottom)
      path.line(to: place)
    }
    curve(to: end)
    canvas.stroke(path, .axis, width: 1)
    canvas.fill(
      .polygon([end, Point(end.x - 3, end.y - 7), Point(end.x + 3, end.y - 7)]), .axis)
  }

  private static func color(of name: String) -> Color {
    switch name {
    case "COpenBLAS", "CCairo", "CProcessor": .axis
    case chapters, "course", "benchmark": .vermilion
    case "Figures", "Formulas", "Weaving", "Notebook", "KnownMistakes", "SyntheticData": .green
    default: .blue
    }
  }
}
