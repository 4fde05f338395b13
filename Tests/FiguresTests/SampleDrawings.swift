@testable import Figures

/// Formulas as the labels of the course use them.
struct Formulas: Drawable {
  let lines = [
    #"$\bar\alpha_t = \prod_{s\le t}\alpha_s$, $\alpha_t = 1-\beta_t$, $\tilde\beta_t$, $\tilde\mu_t$"#,
    #"$x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\,\epsilon$, $\epsilon \sim \mathcal N(0, I)$"#,
    #"$\hat\epsilon = \epsilon_u + s(\epsilon_c - \epsilon_u)$, $\hat x_0$, $\bar x$, $\vec v$, $\dot x$"#,
    #"$10^{-4}$, $2\times10^{-5}$, $x_{t-1}^2$, $e^{-x^2/2}$, $\sigma_t^2$, $x_0'$, $-1$, $a - b$"#,
    #"$\nabla_x\log p_t(x \mid y)$, $\mathbb E\|\epsilon-\epsilon_\theta\|^2$, $\mathbb R^d$, $\infty$"#,
    #"$\frac{1}{2}\int g^2\,dt$, $\sum_{t=1}^T L_{t-1}$, $D_{\mathrm{KL}}(q\,\|\,p)$, $\mathcal L_{\text{vb}}$"#,
    #"$\alpha\beta\gamma\delta\epsilon\varepsilon\zeta\eta\theta\kappa\lambda\mu\nu\xi\pi\rho\sigma\tau\phi\varphi\chi$"#,
    #"$\psi\omega\ell$, $\Gamma\Delta\Theta\Lambda\Xi\Pi\Sigma\Phi\Psi\Omega$, $\varnothing$, $\widehat{xyz}$"#,
    #"$\mathcal{ABCDEFGHIJKLMNOPQRSTUVWXYZ}$, 5 \$, $\unknown$"#,
    #"$\bar{\hat x}$, $\sqrt{\frac{\beta_t}{1-\bar\alpha_t}}$, $q(x_t\mid x_{t-1})$, $x\to y$, $\{a, b\}$"#,
  ]

  var size: Size { Size(520, 40 * Double(lines.count) + 20) }

  func draw(on canvas: Canvas, in rectangle: Rectangle) {
    for (i, line) in lines.enumerated() {
      canvas.text(
        line, at: Point(rectangle.x + 12, rectangle.y + 36 + 40 * Double(i)), size: 18)
    }
  }
}

/// The color maps as strips, and the palette.
struct Maps: Drawable {
  var size: Size { Size(520, 280) }

  func draw(on canvas: Canvas, in rectangle: Rectangle) {
    let maps: [(String, ColorMap)] = [
      ("sequential", .sequential), ("density", .density), ("gray", .gray),
    ]
    for (i, (name, map)) in maps.enumerated() {
      let y = 12 + 40 * Double(i)
      let colors = (0..<256).map { map.color(Double($0) / 255).bytes }
      canvas.text(name, at: Point(10, y + 14), anchor: .left)
      canvas.draw(
        Picture(width: 256, height: 1, bytes: colors.flatMap { [$0.red, $0.green, $0.blue] }),
        in: Rectangle(x: 110, y: y, width: 400, height: 28))
    }
    for (i, color) in Color.palette.enumerated() {
      canvas.fill(
        .rectangle(Rectangle(x: 110 + 50 * Double(i), y: 220, width: 44, height: 28)), color)
    }
  }
}
