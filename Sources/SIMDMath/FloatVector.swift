// The vector type of the kernels. Its width is decided here and nowhere else: sixteen numbers where
// the processor that builds the package has AVX-512, eight elsewhere. Everything in this module is
// small and inlinable, so that kernels in any module compile to straight vector code.

import CProcessor

#if VECTORS_OF_16
  /// The vector of single-precision numbers that the kernels compute with.
  public typealias FloatVector = SIMD16<Float>
  /// A vector of integers with as many lanes.
  public typealias IntegerVector = SIMD16<Int32>
#else
  /// The vector of single-precision numbers that the kernels compute with.
  public typealias FloatVector = SIMD8<Float>
  /// A vector of integers with as many lanes.
  public typealias IntegerVector = SIMD8<Int32>
#endif

/// The number of lanes.
@inlinable @inline(__always) public var laneCount: Int { FloatVector.scalarCount }

extension UnsafePointer<Float> {
  /// Loads the vector that starts `offset` elements on.
  @inlinable @inline(__always)
  public func vector(_ offset: Int) -> FloatVector {
    unsafe UnsafeRawPointer(self + offset).loadUnaligned(as: FloatVector.self)
  }
}

extension UnsafePointer<Float> {
  /// Brings the line of memory `offset` elements on close to the core, for a read that follows. Lines
  /// are 16 elements long. An address outside of any buffer does no harm.
  @inlinable @inline(__always)
  public func prefetch(_ offset: Int) { unsafe processor_prefetch(self + offset) }
}

extension UnsafeMutablePointer<Float> {
  /// Loads the vector that starts `offset` elements on.
  @inlinable @inline(__always)
  public func vector(_ offset: Int) -> FloatVector {
    unsafe UnsafeRawPointer(self + offset).loadUnaligned(as: FloatVector.self)
  }

  /// Stores a vector `offset` elements on.
  @inlinable @inline(__always)
  public func store(_ value: FloatVector, _ offset: Int) {
    unsafe UnsafeMutableRawPointer(self + offset).storeBytes(of: value, as: FloatVector.self)
  }

  /// Adds a vector to the elements `offset` elements on.
  @inlinable @inline(__always)
  public func add(_ value: FloatVector, _ offset: Int) {
    unsafe store(vector(offset) + value, offset)
  }

  /// Copies `count` elements of `source` to the elements here.
  @inlinable @inline(__always)
  public func copyRow(_ source: UnsafePointer<Float>, count: Int) {
    var i = 0
    while i + laneCount <= count {
      unsafe store(source.vector(i), i)
      i += laneCount
    }
    while i < count {
      unsafe self[i] = unsafe source[i]
      i += 1
    }
  }

  /// Adds `count` elements of `source` to the elements here.
  @inlinable @inline(__always)
  public func addRow(_ source: UnsafePointer<Float>, count: Int) {
    var i = 0
    while i + laneCount <= count {
      unsafe add(source.vector(i), i)
      i += laneCount
    }
    while i < count {
      unsafe self[i] += source[i]
      i += 1
    }
  }
}

extension FloatVector {
  /// This vector plus a product, rounded once: `self + a b`. It takes the place of the library's method
  /// of this name, which goes through the lanes one by one.
  @inlinable @inline(__always)
  public func addingProduct(_ a: FloatVector, _ b: FloatVector) -> FloatVector {
    #if VECTORS_OF_16
      processor_multiply_add16(a, b, self)
    #else
      processor_multiply_add8(a, b, self)
    #endif
  }

  /// Adds a product to this vector, rounded once.
  @inlinable @inline(__always)
  public mutating func addProduct(_ a: FloatVector, _ b: FloatVector) { self = addingProduct(a, b) }

  /// The square root of each lane, in place of the library's, which goes through the lanes one by one.
  @inlinable @inline(__always)
  public func squareRoot() -> FloatVector {
    #if VECTORS_OF_16
      processor_square_root16(self)
    #else
      processor_square_root8(self)
    #endif
  }

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
  public static func exp(_ x: FloatVector) -> FloatVector {
    let low = FloatVector(repeating: -87), high = FloatVector(repeating: 88)
    let raised = x.replacing(with: low, where: x .< low)
    return expInRange(raised.replacing(with: high, where: raised .> high))
  }

  /// e to the power of lanes from -87 to 88.
  ///
  /// The argument is split as n ln 2 + r with |r| ≤ ½ ln 2; e^r is a Taylor polynomial and 2^n is
  /// written into the exponent bits. Adding and subtracting 1.5·2^23 rounds to the nearest integer.
  @_transparent
  public static func expInRange(_ x: FloatVector) -> FloatVector {
    let magic: Float = 12_582_912
    let shifted = FloatVector(repeating: magic).addingProduct(
      x, FloatVector(repeating: 1.442_695_04))
    let n = shifted - magic
    var r = x.addingProduct(n, FloatVector(repeating: -0.693_359_375))
    r = r.addingProduct(n, FloatVector(repeating: 2.121_944_4e-4))
    var p = FloatVector(repeating: 1.0 / 5040)
    p = FloatVector(repeating: 1.0 / 720).addingProduct(p, r)
    p = FloatVector(repeating: 1.0 / 120).addingProduct(p, r)
    p = FloatVector(repeating: 1.0 / 24).addingProduct(p, r)
    p = FloatVector(repeating: 1.0 / 6).addingProduct(p, r)
    p = FloatVector(repeating: 0.5).addingProduct(p, r)
    p = FloatVector(repeating: 1).addingProduct(p, r)
    p = FloatVector(repeating: 1).addingProduct(p, r)
    let bits = unsafe unsafeBitCast(shifted, to: IntegerVector.self)
    let exponent = (bits &- 0x4B40_0000 &+ 127) &<< 23
    return unsafe p * unsafeBitCast(exponent, to: FloatVector.self)
  }

  /// The reciprocal of lanes from 1 to 1e38, to about two units in the last place.
  @_transparent
  public static func reciprocal(_ x: FloatVector) -> FloatVector {
    #if VECTORS_OF_16
      // A division of 16 numbers keeps a core busy four times as long. The exponent bits, negated,
      // make a first guess that is off by an eighth at most; three of Newton's steps
      // r ← r (2 - x r) square that.
      let guess =
        unsafe IntegerVector(repeating: 0x7EF3_11C7) &- unsafeBitCast(x, to: IntegerVector.self)
      let two = FloatVector(repeating: 2), negative = FloatVector.zero - x
      var r = unsafe unsafeBitCast(guess, to: FloatVector.self)
      r *= two.addingProduct(negative, r)
      r *= two.addingProduct(negative, r)
      // Apart, this step's two products and sum leave 1 for 1.
      return (r + r) + (negative * r) * r
    #else
      return FloatVector(repeating: 1) / x
    #endif
  }

  /// The logistic function 1 / (1 + e^-x) of each lane; below -87 it stays at about 1e-38.
  @_transparent
  public static func sigmoid(_ x: FloatVector) -> FloatVector {
    let low = FloatVector(repeating: -87), high = FloatVector(repeating: 87)
    let raised = x.replacing(with: low, where: x .< low)
    let bounded = raised.replacing(with: high, where: raised .> high)
    return reciprocal(FloatVector(repeating: 1) + expInRange(FloatVector.zero - bounded))
  }

  /// Transposes a square: `laneCount` rows of as many numbers, `step` apart, into rows `targetStep`
  /// apart.
  @inlinable @inline(__always)
  public static func transpose(
    _ source: UnsafePointer<Float>, _ step: Int, to target: UnsafeMutablePointer<Float>,
    _ targetStep: Int
  ) {
    #if VECTORS_OF_16
      // Interleaving the first half of the rows with the second half, element by element, rotates the
      // bits of an element's index (row, column) by one; after as many rotations as a column's index
      // has bits, row and column have changed places.
      unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 2 * laneCount) { room in
        let square = room.baseAddress!, spare = unsafe square + laneCount
        for row in 0..<laneCount { unsafe square[row] = unsafe source.vector(row * step) }
        unsafe interleave(square, into: spare)
        unsafe interleave(spare, into: square)
        unsafe interleave(square, into: spare)
        unsafe interleave(spare, into: square)
        for row in 0..<laneCount { unsafe target.store(square[row], row * targetStep) }
      }
    #else
      unsafe processor_transpose8(source, step, target, targetStep)
    #endif
  }

  #if VECTORS_OF_16
    @inlinable @inline(__always)
    static func interleave(
      _ rows: UnsafeMutablePointer<FloatVector>, into result: UnsafeMutablePointer<FloatVector>
    ) {
      for i in 0..<laneCount / 2 {
        let first = unsafe rows[i], second = unsafe rows[i + laneCount / 2]
        var low = FloatVector.zero, high = FloatVector.zero
        low.evenHalf = first.lowHalf
        low.oddHalf = second.lowHalf
        high.evenHalf = first.highHalf
        high.oddHalf = second.highHalf
        unsafe result[2 * i] = low
        unsafe result[2 * i + 1] = high
      }
    }
  #endif
}
