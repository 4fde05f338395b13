import Probability

// Formulas read better with bare names.
@inline(__always) func exp(_ x: Double) -> Double { .exp(x) }
@inline(__always) func log(_ x: Double) -> Double { .log(x) }
@inline(__always) func sin(_ x: Double) -> Double { .sin(x) }
@inline(__always) func cos(_ x: Double) -> Double { .cos(x) }

#if hasFeature(Embedded)
  /// Stops the program. Embedded Swift has no messages that are made at run time.
  func fatalError(_ message: @autoclosure () -> String) -> Never { Swift.fatalError() }
#endif
