/// A piece of a formula with its place: coordinates from its left end on the baseline, y downward.
struct MathBox {
  var pieces: [MathText.Piece] = []
  var advance = 0.0
  /// The box of the ink: `top` and `bottom` are distances above and below the baseline.
  var left = 0.0
  var right = 0.0
  var top = 0.0
  var bottom = 0.0
  var slant = 0.0

  var isEmpty: Bool { pieces.isEmpty }

  /// Puts another box at `(x, y)`, y downward from this box's baseline.
  mutating func place(_ box: MathBox, x: Double, y: Double = 0) {
    guard !box.isEmpty else { return }
    let shift = Point(x, y)
    if isEmpty {
      (left, right) = (x + box.left, x + box.right)
      (top, bottom) = (box.top - y, box.bottom + y)
    } else {
      left = min(left, x + box.left)
      right = max(right, x + box.right)
      top = max(top, box.top - y)
      bottom = max(bottom, box.bottom + y)
    }
    pieces += box.pieces.map { $0.moved(by: shift) }
  }
}

/// Sets formulas: decides where every glyph, bar and root of a tree goes.
struct MathLayout {
  let bold: Bool

  /// Returns the box of a formula; `depth` counts how often it is a script of a script.
  func box(_ node: MathNode, size: Double, depth: Int = 0) -> MathBox {
    switch node {
    case .symbol(let string, let font, _): glyphs(string, font: font, size: size)
    case .words(let string): glyphs(string, font: bold ? .bold : .upright, size: size)
    case .space(let em): MathBox(advance: em * size)
    case .row(let nodes): row(nodes, size: size, depth: depth)
    case .scripts(let base, let sub, let sup):
      scripts(base, sub: sub, sup: sup, size: size, depth: depth)
    case .accent(let accent, let base): accented(accent, base, size: size, depth: depth)
    case .root(let content): root(content, size: size, depth: depth)
    case .fraction(let a, let b): fraction(a, b, size: size, depth: depth)
    }
  }

  func glyphs(_ string: String, font: Font, size: Double) -> MathBox {
    let e = font.extents(string)
    return MathBox(
      pieces: string.isEmpty ? [] : [.glyphs(string, font, size, Point(0, 0))],
      advance: e.advance * size, left: e.left * size, right: e.right * size,
      top: e.top * size, bottom: e.bottom * size, slant: font.slant)
  }

  // MARK: - Rows

  private func row(_ nodes: [MathNode], size: Double, depth: Int) -> MathBox {
    if nodes.count == 1 { return box(nodes[0], size: size, depth: depth) }
    var result = MathBox()
    var before: AtomClass?
    var pen = 0.0
    for (index, node) in nodes.enumerated() {
      if case .space(let em) = node {
        pen += em * size
        continue
      }
      let kind = effectiveClass(node, after: before, isLast: index == nodes.count - 1)
      if let before { pen += space(before, kind, depth: depth) * size }
      let item = box(node, size: size, depth: depth)
      result.place(item, x: pen)
      pen += item.advance
      before = kind
    }
    result.advance = pen
    return result
  }

  // A sign without a left operand is part of its number.
  private func effectiveClass(
    _ node: MathNode, after before: AtomClass?, isLast: Bool
  ) -> AtomClass {
    let kind = node.atomClass
    guard kind == .binary else { return kind }
    guard let before, !isLast else { return .ordinary }
    return switch before {
    case .binary, .relation, .opening, .punctuation, .function: .ordinary
    default: .binary
    }
  }

  private func space(_ a: AtomClass, _ b: AtomClass, depth: Int) -> Double {
    let narrow = depth > 0 ? 0.25 : 1
    switch (a, b) {
    case (.relation, _), (_, .relation): return 0.27 * narrow
    case (.binary, _), (_, .binary): return 0.2 * narrow
    case (.function, .opening), (.opening, _), (_, .closing): return 0
    case (.function, _), (.ordinary, .function), (.closing, .function): return 0.17
    case (.punctuation, _): return depth > 0 ? 0.06 : 0.2
    default: return 0
    }
  }

  // MARK: - Scripts

  private func scripts(
    _ base: MathNode, sub: MathNode?, sup: MathNode?, size: Double, depth: Int
  ) -> MathBox {
    var result = box(base, size: size, depth: depth)
    let scriptSize = size * (depth == 0 ? 0.72 : 0.82)
    let overhang = max(0, result.right - result.advance)
    let start = result.advance
    var end = start
    var drop = max(0.17 * size, result.bottom - 0.08 * size)
    let raise = max(0.36 * size, result.top - 0.38 * size)
    let upper = sup.map { box($0, size: scriptSize, depth: depth + 1) }
    let lower = sub.map { box($0, size: scriptSize, depth: depth + 1) }
    if let upper, let lower {
      let gap = (raise - upper.bottom) - (lower.top - drop)
      drop += max(0, 0.08 * size - gap)
    }
    if let upper {
      let x = start + overhang + 0.03 * size
      result.place(upper, x: x, y: -raise)
      end = max(end, x + upper.advance)
    }
    if let lower {
      let x = start - 0.02 * size
      result.place(lower, x: x, y: drop)
      end = max(end, x + lower.advance)
    }
    result.advance = end + 0.04 * size
    return result
  }

  // MARK: - Accents, roots, fractions

  private func accented(
    _ accent: MathAccent, _ base: MathNode, size: Double, depth: Int
  ) -> MathBox {
    var result = box(base, size: size, depth: depth)
    // A descender or a tall letter must not move the accent away from its own letter's top.
    let y = -(max(result.top, 0.5 * size) + 0.13 * size)
    let center = (result.left + result.right) / 2 + result.slant * result.top / 2
    let wide = accent == .overline || accent == .widehat || accent == .widetilde
    let natural = result.right - result.left
    let half = (wide ? natural : min(max(natural * 0.8, 0.32 * size), 0.52 * size)) / 2
    let width = 0.07 * size
    var path = Path()
    func p(_ dx: Double, _ dy: Double) -> Point { Point(center + dx * half, y + dy * size) }
    switch accent {
    case .bar, .overline:
      path = .segment(p(-1, 0), p(1, 0))
    case .hat, .widehat:
      path = Path(points: [p(-0.85, 0.03), p(0, -0.11), p(0.85, 0.03)])
    case .tilde, .widetilde:
      path.move(to: p(-1, 0.02))
      path.curve(to: p(1, -0.06), p(-0.35, -0.22), p(0.35, 0.18))
    case .dot:
      path = .circle(center: p(0, -0.02), radius: 0.075 * size)
    case .vec:
      path = Path(points: [p(-1, 0), p(1.1, 0)])
      path.add(Path(points: [p(0.55, -0.09), p(1.1, 0), p(0.55, 0.09)]))
    }
    let ink = MathBox(
      pieces: [accent == .dot ? .fill(path) : .stroke(path, width)],
      left: center - half, right: center + half, top: -y + 0.14 * size, bottom: y)
    let advance = result.advance
    result.place(ink, x: 0)
    result.advance = advance
    return result
  }

  private func root(_ content: MathNode, size: Double, depth: Int) -> MathBox {
    let inside = box(content, size: size, depth: depth)
    let width = 0.07 * size
    let top = max(inside.top, 0.6 * size) + 0.14 * size
    let bottom = max(inside.bottom, 0.04 * size)
    let start = 0.62 * size
    let end = start + max(inside.advance, inside.right) + 0.06 * size
    let path = Path(points: [
      Point(0.08 * size, -0.30 * size), Point(0.2 * size, -0.36 * size),
      Point(0.36 * size, bottom), Point(0.56 * size, -top), Point(end, -top),
    ])
    var result = MathBox()
    result.place(
      MathBox(
        pieces: [.stroke(path, width)], left: 0.06 * size, right: end, top: top + width / 2,
        bottom: bottom + width / 2), x: 0)
    result.place(inside, x: start)
    result.advance = end + 0.08 * size
    return result
  }

  private func fraction(_ a: MathNode, _ b: MathNode, size: Double, depth: Int) -> MathBox {
    let small = size * 0.8
    let upper = box(a, size: small, depth: depth + 1)
    let lower = box(b, size: small, depth: depth + 1)
    let width = max(upper.advance, lower.advance) + 0.2 * size
    let axis = 0.29 * size
    let gap = 0.14 * size
    var result = MathBox()
    let rule = Path.segment(Point(0.06 * size, -axis), Point(width + 0.06 * size, -axis))
    result.place(
      MathBox(
        pieces: [.stroke(rule, 0.06 * size)], left: 0.06 * size, right: width + 0.06 * size,
        top: axis, bottom: -axis), x: 0)
    result.place(
      upper, x: 0.06 * size + (width - upper.advance) / 2, y: -axis - gap - upper.bottom)
    result.place(lower, x: 0.06 * size + (width - lower.advance) / 2, y: -axis + gap + lower.top)
    result.advance = width + 0.12 * size
    return result
  }
}
