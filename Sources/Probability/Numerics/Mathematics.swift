// The functions of the C library that this module and Diffusion need. This is the only file that
// depends on the platform: for WebAssembly the functions are imported from the host.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

#if arch(wasm32)
  @_extern(wasm, module: "env", name: "exp") func importedExp(_ x: Double) -> Double
  @_extern(wasm, module: "env", name: "log") func importedLog(_ x: Double) -> Double
  @_extern(wasm, module: "env", name: "log1p") func importedLog1p(_ x: Double) -> Double
  @_extern(wasm, module: "env", name: "sin") func importedSin(_ x: Double) -> Double
  @_extern(wasm, module: "env", name: "cos") func importedCos(_ x: Double) -> Double
  @_extern(wasm, module: "env", name: "acos") func importedAcos(_ x: Double) -> Double
  @_extern(wasm, module: "env", name: "lgamma") func importedLgamma(_ x: Double) -> Double
  @_extern(wasm, module: "env", name: "erfc") func importedErfc(_ x: Double) -> Double

  extension Double {
    /// $e^x$.
    public static func exp(_ x: Double) -> Double { importedExp(x) }
    /// The natural logarithm.
    public static func log(_ x: Double) -> Double { importedLog(x) }
    /// $\log(1 + x)$, accurate near 0.
    public static func log1p(_ x: Double) -> Double { importedLog1p(x) }
    /// The sine.
    public static func sin(_ x: Double) -> Double { importedSin(x) }
    /// The cosine.
    public static func cos(_ x: Double) -> Double { importedCos(x) }
    /// The inverse cosine, in 0…π.
    public static func acos(_ x: Double) -> Double { importedAcos(x) }
    /// $\log |\Gamma(x)|$.
    public static func lgamma(_ x: Double) -> Double { importedLgamma(x) }
    /// $1 - \mathrm{erf}(x)$.
    public static func erfc(_ x: Double) -> Double { importedErfc(x) }
  }
#elseif canImport(Glibc)
  extension Double {
    /// $e^x$.
    @inlinable @inline(__always)
    public static func exp(_ x: Double) -> Double { Glibc.exp(x) }
    /// The natural logarithm.
    @inlinable @inline(__always)
    public static func log(_ x: Double) -> Double { Glibc.log(x) }
    /// $\log(1 + x)$, accurate near 0.
    public static func log1p(_ x: Double) -> Double { Glibc.log1p(x) }
    /// The sine.
    @inlinable @inline(__always)
    public static func sin(_ x: Double) -> Double { Glibc.sin(x) }
    /// The cosine.
    @inlinable @inline(__always)
    public static func cos(_ x: Double) -> Double { Glibc.cos(x) }
    /// The inverse cosine, in 0…π.
    public static func acos(_ x: Double) -> Double { Glibc.acos(x) }
    /// $\log |\Gamma(x)|$.
    public static func lgamma(_ x: Double) -> Double { Glibc.lgamma(x) }
    /// $1 - \mathrm{erf}(x)$.
    public static func erfc(_ x: Double) -> Double { Glibc.erfc(x) }
  }
#elseif canImport(Darwin)
  extension Double {
    /// $e^x$.
    @inlinable @inline(__always)
    public static func exp(_ x: Double) -> Double { Darwin.exp(x) }
    /// The natural logarithm.
    @inlinable @inline(__always)
    public static func log(_ x: Double) -> Double { Darwin.log(x) }
    /// $\log(1 + x)$, accurate near 0.
    public static func log1p(_ x: Double) -> Double { Darwin.log1p(x) }
    /// The sine.
    @inlinable @inline(__always)
    public static func sin(_ x: Double) -> Double { Darwin.sin(x) }
    /// The cosine.
    @inlinable @inline(__always)
    public static func cos(_ x: Double) -> Double { Darwin.cos(x) }
    /// The inverse cosine, in 0…π.
    public static func acos(_ x: Double) -> Double { Darwin.acos(x) }
    /// $\log |\Gamma(x)|$.
    public static func lgamma(_ x: Double) -> Double { Darwin.lgamma(x) }
    /// $1 - \mathrm{erf}(x)$.
    public static func erfc(_ x: Double) -> Double { Darwin.erfc(x) }
  }
#endif

// Formulas read better with bare names.
@inline(__always) func exp(_ x: Double) -> Double { .exp(x) }
@inline(__always) func log(_ x: Double) -> Double { .log(x) }
@inline(__always) func log1p(_ x: Double) -> Double { .log1p(x) }
@inline(__always) func sin(_ x: Double) -> Double { .sin(x) }
@inline(__always) func cos(_ x: Double) -> Double { .cos(x) }
@inline(__always) func acos(_ x: Double) -> Double { .acos(x) }
@inline(__always) func lgamma(_ x: Double) -> Double { .lgamma(x) }
@inline(__always) func erfc(_ x: Double) -> Double { .erfc(x) }

#if hasFeature(Embedded)
  /// Stops the program. Embedded Swift has no messages that are made at run time.
  func fatalError(_ message: @autoclosure () -> String) -> Never { Swift.fatalError() }
#endif
