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

/// Columns in a panel of a packed matrix: two vectors.
@inlinable @inline(__always) public var panelWidth: Int { 2 * laneCount }

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
  /// The sum of the lanes, added in pairs.
  @inlinable @inline(__always)
  public var total: Float {
    #if VECTORS_OF_16
      let eight = lowHalf + highHalf
    #else
      let eight = self
    #endif
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
  }

  /// The greatest lane.
  @inlinable @inline(__always)
  public var greatest: Float {
    #if VECTORS_OF_16
      let eight = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
    #else
      let eight = self
    #endif
    let four = eight.lowHalf.replacing(
      with: eight.highHalf, where: eight.highHalf .> eight.lowHalf)
    let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
    return two.x > two.y ? two.x : two.y
  }

  /// e to the power of each lane, to about 2 units in the last place; lanes below -87 give about
  /// 1e-38 and lanes above 88 about 1.6e38 instead of leaving the range.
  @_transparent
  public static func exp(_ x: Lanes) -> Lanes {
    let low = Lanes(repeating: -87), high = Lanes(repeating: 88)
    let raised = x.replacing(with: low, where: x .< low)
    return expInRange(raised.replacing(with: high, where: raised .> high))
  }

  /// e to the power of lanes from -87 to 88.
  ///
  /// The argument is split as n ln 2 + r with |r| ≤ ½ ln 2; e^r is a Taylor polynomial and 2^n is
  /// written into the exponent bits. Adding and subtracting 1.5·2^23 rounds to the nearest integer.
  @_transparent
  public static func expInRange(_ x: Lanes) -> Lanes {
    let magic: Float = 12_582_912
    let shifted = Lanes(repeating: magic).addingProduct(x, Lanes(repeating: 1.442_695_04))
    let n = shifted - magic
    var r = x.addingProduct(n, Lanes(repeating: -0.693_359_375))
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

  /// One over lanes from 1 to 1e38, to about two units in the last place.
  ///
  /// A division keeps a core busy four times as long. The exponent bits, negated, make a first
  /// guess that is off by an eighth at most; three of Newton's steps r ← r (2 - x r) square that.
  @_transparent
  public static func reciprocal(_ x: Lanes) -> Lanes {
    let guess = IntegerLanes(repeating: 0x7EF3_11C7) &- unsafeBitCast(x, to: IntegerLanes.self)
    let two = Lanes(repeating: 2), negative = Lanes.zero - x
    var r = unsafeBitCast(guess, to: Lanes.self)
    r *= two.addingProduct(negative, r)
    r *= two.addingProduct(negative, r)
    // Apart, this step's two products and sum leave 1 for 1.
    return (r + r) + (negative * r) * r
  }

  /// The logistic function 1 / (1 + e^-x) of each lane; below -87 it stays at about 1e-38.
  @_transparent
  public static func sigmoid(_ x: Lanes) -> Lanes {
    let low = Lanes(repeating: -87), high = Lanes(repeating: 87)
    let raised = x.replacing(with: low, where: x .< low)
    let bounded = raised.replacing(with: high, where: raised .> high)
    return reciprocal(Lanes(repeating: 1) + expInRange(Lanes.zero - bounded))
  }

  /// Transposes a square of `laneCount` vectors.
  ///
  /// Laying the first half of the rows in between the second half, element by element, turns the
  /// numbers of a place, row and column, by one digit; after as many turns as a row has digits the
  /// two have changed places.
  ///
  /// - Parameters:
  ///   - square: the rows; overwritten.
  ///   - spare: room for as many.
  /// - Returns: where the columns are: `square` or `spare`.
  @inlinable @inline(__always)
  public static func transposed(
    _ square: UnsafeMutablePointer<Lanes>, _ spare: UnsafeMutablePointer<Lanes>
  ) -> UnsafeMutablePointer<Lanes> {
    interleave(square, into: spare)
    interleave(spare, into: square)
    interleave(square, into: spare)
    #if VECTORS_OF_16
      interleave(spare, into: square)
      return square
    #else
      return spare
    #endif
  }

  @inlinable @inline(__always)
  static func interleave(
    _ rows: UnsafeMutablePointer<Lanes>, into result: UnsafeMutablePointer<Lanes>
  ) {
    for i in 0..<laneCount / 2 {
      let first = rows[i], second = rows[i + laneCount / 2]
      var low = Lanes.zero, high = Lanes.zero
      low.evenHalf = first.lowHalf
      low.oddHalf = second.lowHalf
      high.evenHalf = first.highHalf
      high.oddHalf = second.highHalf
      result[2 * i] = low
      result[2 * i + 1] = high
    }
  }
}
