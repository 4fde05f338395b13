import Testing

@testable import Weaving

@Suite struct MathematicsTests {
  private func rewritten(_ text: String) -> (text: String, problems: [String]) {
    var mathematics = Mathematics(file: "m")
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
      ChapterSource.Line(number: $0.offset + 1, text: String($0.element))
    }
    let result = mathematics.rewrite(lines).joined(separator: "\n")
    return (result, mathematics.problems.map(\.description))
  }

  @Test(arguments: [
    ("a $x_t$ b", "a $`x_t`$ b"),
    ("$a$, ($b$); **$c$**", "$`a`$, ($`b`$); **$`c`$**"),
    (#"$\|x\|_1 * y_1 * z$"#, #"$`\|x\|_1 * y_1 * z`$"#),
    ("$a < b$ and $b > c$", "$`a < b`$ and $`b > c`$"),
    (#"costs \$5 and $x$"#, "costs <span>$</span>5 and $`x`$"),
    (#"$\$5$"#, #"$`\$5`$"#),
    ("`$x$` stays, $x$ does not", "`$x$` stays, $`x`$ does not"),
    ("``a ` $b$`` $c$", "``a ` $b$`` $`c`$"),
    ("an open ` then $x$", "an open ` then $`x`$"),
    ("already $`x`$", "already $`x`$"),
    ("over $a +\nb$ lines", "over $`a + b`$ lines"),
    (#"$x \mid y$"#, #"$`x \mid y`$"#),
    ("no mathematics_at_all | here", "no mathematics_at_all | here"),
    (#"a \\ b \_ c"#, #"a \\ b \_ c"#),
    (#"\\$x$"#, #"\\$`x`$"#),
  ])
  func mathematicsInTheTextGetsBackticks(text: String, expected: String) {
    let result = rewritten(text)
    #expect(result.text == expected)
    #expect(result.problems == [])
  }

  @Test func barsInRowsOfTablesDoNotEndTheCell() {
    let result = rewritten("| $|x|$ | $p(x|y)$ |\n|---|---|\n| $\\|x\\|$ | $a$ |")
    #expect(
      result.text
        == "| $`\\vert x\\vert`$ | $`p(x\\vert y)`$ |\n|---|---|\n| $`\\Vert x\\Vert`$ | $`a`$ |")
    #expect(rewritten("the norm $|x|$").text == "the norm $`|x|`$")
  }

  @Test(arguments: [
    ("a\n$$x_1$$\nb", "a\n\n```math\nx_1\n```\n\nb"),
    ("$$\nx < y \\\\\n  z_1 & z_2\n$$", "```math\nx < y \\\\\nz_1 & z_2\n```"),
    ("a\n\n$$ x\n= y $$\n\nb", "a\n\n```math\nx\n= y\n```\n\nb"),
    ("- item\n  $$x$$\n  more", "- item\n\n  ```math\n  x\n  ```\n\n  more"),
    ("> q\n> $$x$$", "> q\n>\n> ```math\n> x\n> ```"),
    ("$$|x|$$", "```math\n|x|\n```"),
  ])
  func displaysBecomeBlocks(text: String, expected: String) {
    let result = rewritten(text)
    #expect(result.text == expected)
    #expect(result.problems == [])
  }

  @Test func fencedBlocksStayAsTheyAre() {
    let text = "```swift\nlet a = \"$x$ and $\"\n$$\n```\nthen $x$"
    #expect(rewritten(text).text == "```swift\nlet a = \"$x$ and $\"\n$$\n```\nthen $`x`$")
    #expect(rewritten("~~~~\n$\n~~~\n$\n~~~~\n$x$").problems == [])
  }

  @Test(arguments: [
    ("one\ntwo $x three", "m:2: a $ without its partner"),
    ("a $x\n\ny$ b", "m:1: a $ without its partner"),
    ("from 5$ to 6$", "m:1: a space inside $…$"),
    ("$ x$", "m:1: a space inside $…$"),
    ("$x $", "m:1: a space inside $…$"),
    ("the $t$th", "m:1: a letter or digit touches"),
    ("see $$x$$ there", "m:1: display mathematics must begin a line"),
    ("$$\nx", "m:1: $$ has no closing $$"),
    ("$$x\n\ny$$", "m:1: $$ has no closing $$"),
    ("$$\nx\n$$.", "m:3: text after the closing $$"),
    ("$$ $$", "m:1: $$ $$ holds no mathematics"),
    ("$a`b$", "m:1: a backtick inside"),
  ])
  func whatGitHubWouldNotRenderIsAnError(text: String, message: String) {
    let found = rewritten(text).problems
    #expect(found.first?.hasPrefix(message) == true, "\(found)")
  }

  @Test func theTerminalGetsPlainCharacters() {
    #expect(
      MathWords.plain(#"of $\bar\alpha_t$ and $\beta_t \in (0, \infty)$"#)
        == "of ᾱ_t and β_t ∈ (0, ∞)")
    #expect(MathWords.plain("no dollars") == "no dollars")
    #expect(MathWords.plain(#"$\eta = 0$, $\theta$"#) == "η = 0, θ")
    #expect(MathWords.plain(#"$\hat x_0$, $\tilde{\beta}_t$, $\bar\alpha$"#) == "x̂_0, β̃_t, ᾱ")
    #expect(MathWords.plain(#"$\mathcal{N}(0,\,1)$, $\|x\|$, $\sqrt{2}$"#) == "N(0, 1), ‖x‖, √2")
  }
}
