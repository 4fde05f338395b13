//: # Chapter 9. A coin
//:
//: A small chapter that uses everything a chapter can use, so that the tests can run it, weave it
//: and compare. A coin that shows heads with probability $p$ is thrown $n$ times.

import ArgumentParser  // weave:hide
import Foundation  // weave:hide
import Notebook  // weave:hide

// weave:hide-begin
struct SampleOptions: ParsableArguments {
  @Option(help: "The number of throws.") var throwCount = 4000
  @Flag(help: "Add a check that fails.") var fail = false
  @Flag(help: "Add a check of a NaN.") var nan = false
  @Flag(help: "End without finish().") var forget = false
  @Flag(help: "Work long enough to show progress.") var slowly = false
}

struct Toss: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Throws one coin.")
  @OptionGroup var options: NotebookOptions
  @Option(help: "The side that is up.") var side = "heads"

  func run() throws {
    guard ["heads", "tails"].contains(side) else {
      throw ValidationError("A coin has no side '\(side)'; choose --side heads or tails.")
    }
    print(side)
  }
}
// weave:hide-end

let (notebook, options) = Chapter.open(  // weave:hide
  "Throws a coin.", adding: SampleOptions.self, commands: [Toss.self])  // weave:hide

//: ## The mean and the variance
//:
//: **Claim 9.1.** One throw has the mean $p$ and the variance
//: $$\operatorname{Var}(x) = p(1-p) \le \tfrac14 .$$

let p = 0.3
let variance = p * (1 - p) * (1 - p) + (1 - p) * p * p
notebook.show("p", p)
notebook.check(
  "variance of one throw | its definition", variance, equals: p * (1 - p), tolerance: 1e-15)

//: It is never more than a quarter, whatever $p$ is.

let all = stride(from: 0.0, through: 1, by: 0.125).map { $0 * (1 - $0) }
notebook.check("the largest of p(1 - p)", all.max()!, isAtMost: 0.25)
notebook.table(
  "The variance for a few $p$, in units of $1/4$", columns: ["p", "4p(1-p)", "coin"],
  rows: [[0.0, 0.0, "always tails"], [0.25, 0.75, "biased"], [0.5, 1.0, "fair"]])

//: The library counts heads like this:
//: @code Tests/SampleChapter/09-sample/Coin.swift throw
//: and the calls are slow enough to be watched.

var state = notebook.seed &+ 1
let throwCount = notebook.isQuick ? 400 : options.throwCount
let heads = notebook.progress("throwing", 0..<throwCount).count { _ in
  if options.slowly { usleep(1000) }  // weave:hide
  return throwCoin(probability: p, &state)
}

//: **Claim 9.2.** The share of heads comes out at $p$.
//:
//: | symbol | meaning |
//: |---|---|
//: | $|x|$ | heads, absolutely |

notebook.check("share of heads", .proportion(heads, of: throwCount), equals: p)
notebook.show("heads", heads)

//: **Claim 9.3.** Powers of $p$ fall, and $p^2<p$.

let powers = [p, p * p, p * p * p, p * p * p * p]
notebook.check("the powers", decreases: powers)
notebook.check(
  "the powers, another way", powers, equals: [p, p * p, p * (p * p), (p * p) * (p * p)],
  tolerance: 1e-15)
notebook.check("the square is below", holds: p * p < p, numbers: ["p^2": p * p, "p": p])
notebook.check("how many", powers.count, isExactly: 4)

//: ## What goes wrong
//:
//: **Erratum E-Z1.** A text prints $p(1+p)$ for the variance.

notebook.erratum(
  "E-Z1", source: "A text that nobody wrote, (1.1)", "variance of one throw",
  printed: p * (1 + p), right: p * (1 - p), secondRoute: variance, tolerance: 1e-15, apart: 0.1)

//: @fold How the figure is drawn
let side = Int(100 * p)
let drawing = """
  <svg xmlns="http://www.w3.org/2000/svg" width="100" height="10">
  <rect width="\(side)" height="10"/></svg>
  """

//: The black part of the bar is $p$.

notebook.figure(
  "share", caption: "The share of heads, $p = 0.3$.", alternative: "A bar, 30 % of it black."
) { try Data(drawing.utf8).write(to: $0) }
notebook.show("worked for", seconds: 0.5)

// weave:hide-begin
if options.forget { exit(0) }
if options.slowly { notebook.show("slow", true ? "yes" : "no") }
// weave:hide-end

//: Exercise: make a check fail. **Claim 9.4.** One is one, unless one asks otherwise.

notebook.check("one is one", options.nan ? .nan : options.fail ? 2 : 1, equals: 1, tolerance: 0)
notebook.finish()  // weave:hide
