// The vector of the kernels. Its width is decided here and nowhere else: sixteen numbers where the
// processor that builds the package has AVX-512, eight elsewhere. What is in this module is small
// and inlinable, so that kernels in any file of any module compile to straight vector code even
// in a debug build, which optimizes one file at a time.

#if VECTORS_OF_16
  /// As many single-precision numbers as the kernels handle at once.
  public typealias Lanes = SIMD16<Float>
  /// Integers, one a lane.
  public typealias IntegerLanes = SIMD16<Int32>
#else
  /// As many single-precision numbers as the kernels handle at once.
  public typealias Lanes = SIMD8<Float>
  /// Integers, one a lane.
  public typealias IntegerLanes = SIMD8<Int32>
#endif

/// The number of lanes.
@inlinable @inline(__always) public var laneCount: Int { Lanes.scalarCount }

extension UnsafePointer<Float> {
  /// Loads the lanes that start `offset` elements on.
  @inlinable @inline(__always)
  public func lanes(_ offset: Int) -> Lanes {
    UnsafeRawPointer(self + offset).loadUnaligned(as: Lanes.self)
  }
}

extension UnsafeMutablePointer<Float> {
  /// Loads the lanes that start `offset` elements on.
  @inlinable @inline(__always)
  public func lanes(_ offset: Int) -> Lanes {
    UnsafeRawPointer(self + offset).loadUnaligned(as: Lanes.self)
  }

  /// Stores lanes `offset` elements on.
  @inlinable @inline(__always)
  public func store(_ value: Lanes, _ offset: Int) {
    UnsafeMutableRawPointer(self + offset).storeBytes(of: value, as: Lanes.self)
  }

  /// Adds lanes to the elements `offset` elements on.
  @inlinable @inline(__always)
  public func add(_ value: Lanes, _ offset: Int) { store(lanes(offset) + value, offset) }

  /// Copies `count` elements of `source` to the elements here.
  @inlinable @inline(__always)
  public func copyRow(_ source: UnsafePointer<Float>, count: Int) {
    var i = 0
    while i + laneCount <= count {
      store(source.lanes(i), i)
      i += laneCount
    }
    while i < count {
      self[i] = source[i]
      i += 1
    }
  }

  /// Adds `count` elements of `source` to the elements here.
  @inlinable @inline(__always)
  public func addRow(_ source: UnsafePointer<Float>, count: Int) {
    var i = 0
    while i + laneCount <= count {
      add(source.lanes(i), i)
      i += laneCount
    }
    while i < count {
      self[i] += source[i]
      i += 1
    }
  }
}

extension Lanes {
  /// e to the power of each lane, to about 2 units in the last place; lanes below -87 give about
  /// 1e-38 and lanes above 88 about 1.6e38 instead of leaving the range.
  ///
  /// The argument is split as n ln 2 + r with |r| ≤ ½ ln 2; e^r is a Taylor polynomial and 2^n is
  /// written into the exponent bits. Adding and subtracting 1.5·2^23 rounds to the nearest integer.
  @inlinable @inline(__always)
  public static func exp(_ x: Lanes) -> Lanes {
    let magic: Float = 12_582_912
    let low = Lanes(repeating: -87)
    let high = Lanes(repeating: 88)
    var bounded = x.replacing(with: low, where: x .< low)
    bounded = bounded.replacing(with: high, where: bounded .> high)
    let shifted = Lanes(repeating: magic).addingProduct(
      bounded, Lanes(repeating: 1.442_695_04))
    let n = shifted - magic
    var r = bounded.addingProduct(n, Lanes(repeating: -0.693_359_375))
    r = r.addingProduct(n, Lanes(repeating: 2.121_944_4e-4))
    var p = Lanes(repeating: 1.0 / 5040)
    p = Lanes(repeating: 1.0 / 720).addingProduct(p, r)
    p = Lanes(repeating: 1.0 / 120).addingProduct(p, r)
    p = Lanes(repeating: 1.0 / 24).addingProduct(p, r)
    p = Lanes(repeating: 1.0 / 6).addingProduct(p, r)
    p = Lanes(repeating: 0.5).addingProduct(p, r)
    p = Lanes(repeating: 1).addingProduct(p, r)
    p = Lanes(repeating: 1).addingProduct(p, r)
    let bits = unsafeBitCast(shifted, to: IntegerLanes.self)
    let exponent = (bits &- 0x4B40_0000 &+ 127) &<< 23
    return p * unsafeBitCast(exponent, to: Lanes.self)
  }

  /// The logistic function 1 / (1 + e^-x) of each lane.
  @inlinable @inline(__always)
  public static func sigmoid(_ x: Lanes) -> Lanes {
    Lanes(repeating: 1) / (Lanes(repeating: 1) + exp(Lanes.zero - x))
  }
}
