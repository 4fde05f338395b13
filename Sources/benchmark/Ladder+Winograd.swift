import SIMDMath
import Tensors

// Winograd's algorithm, written plainly (Lavin and Gray, "Fast algorithms for convolutional neural
// networks", CVPR 2016): F(2x2, 3x3).

extension ConvolutionProblem {
  /// Cuts the output into tiles of 2x2 pixels. A tile's 4x4 patch d, a filter g and the output y are
  /// related by y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A: 16 products instead of 36. Over all tiles and channels
  /// each of the 16 positions is a matrix product, [tiles, in] times [in, out].
  ///
  /// The filters are transformed at each call, and all tiles pass through memory between the steps.
  func byWinograd() -> Tensor {
    transformedOutput(matmul(transformedInput(), transformedFilters()))
  }

  private var tilesDown: Int { (height + 1) / 2 }
  private var tilesAcross: Int { (width + 1) / 2 }
  private var tiles: Int { batch * tilesDown * tilesAcross }

  /// Calls `body` with every tile and the first of its pixels: image, row and column.
  @inline(__always)
  private func forEachTile(
    _ body: (_ tile: Int, _ image: Int, _ row: Int, _ column: Int) -> Void
  ) {
    for tile in 0..<tiles {
      let image = tile / (tilesDown * tilesAcross)
      body(tile, image, tile / tilesAcross % tilesDown * 2, tile % tilesAcross * 2)
    }
  }

  /// Bᵀ d B of every tile: 16 matrices [tiles, in].
  private func transformedInput() -> Tensor {
    unsafe Tensor(uninitialized: [16, tiles, inputs]) { v in
      unsafe x.withElements { x in
        unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 16) { half in
          forEachTile { tile, image, row, column in
            for c in stride(from: 0, to: inputs, by: laneCount) {
              for j in 0..<4 {
                func d(_ i: Int) -> FloatVector {
                  let (y, z) = (row + i - 1, column + j - 1)
                  guard y >= 0, y < height, z >= 0, z < width else { return .zero }
                  return unsafe x.vector(((image * height + y) * width + z) * inputs + c)
                }
                let t = Self.bT(d(0), d(1), d(2), d(3))
                unsafe (half[j], half[4 + j], half[8 + j], half[12 + j]) = t
              }
              for i in 0..<4 {
                let t = unsafe Self.bT(
                  half[4 * i], half[4 * i + 1], half[4 * i + 2], half[4 * i + 3])
                let place = unsafe v + (4 * i * tiles + tile) * inputs + c
                unsafe place.store(t.0, 0)
                unsafe place.store(t.1, tiles * inputs)
                unsafe place.store(t.2, 2 * tiles * inputs)
                unsafe place.store(t.3, 3 * tiles * inputs)
              }
            }
          }
        }
      }
    }
  }

  /// G g Gᵀ of every filter: 16 matrices [in, out].
  private func transformedFilters() -> Tensor {
    let matrix = inputs * outputs
    return unsafe Tensor(uninitialized: [16, inputs, outputs]) { u in
      unsafe packedWeight().withElements { w in
        unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 12) { half in
          for c in stride(from: 0, to: matrix, by: laneCount) {
            for j in 0..<3 {
              let t = unsafe Self.g(
                w.vector(j * matrix + c), w.vector((3 + j) * matrix + c),
                w.vector((6 + j) * matrix + c))
              unsafe (half[j], half[3 + j], half[6 + j], half[9 + j]) = t
            }
            for i in 0..<4 {
              let t = unsafe Self.g(half[3 * i], half[3 * i + 1], half[3 * i + 2])
              let place = unsafe u + 4 * i * matrix + c
              unsafe place.store(t.0, 0)
              unsafe place.store(t.1, matrix)
              unsafe place.store(t.2, 2 * matrix)
              unsafe place.store(t.3, 3 * matrix)
            }
          }
        }
      }
    }
  }

  /// Aᵀ m A of every tile, the pixels of the output, from 16 matrices [tiles, out].
  private func transformedOutput(_ products: Tensor) -> Tensor {
    unsafe Tensor(uninitialized: outputShape) { y in
      unsafe products.withElements { source in
        unsafe withUnsafeTemporaryAllocation(of: FloatVector.self, capacity: 8) { half in
          forEachTile { tile, image, row, column in
            for c in stride(from: 0, to: outputs, by: laneCount) {
              for j in 0..<4 {
                func m(_ i: Int) -> FloatVector {
                  unsafe source.vector(((4 * i + j) * tiles + tile) * outputs + c)
                }
                unsafe (half[j], half[4 + j]) = Self.aT(m(0), m(1), m(2), m(3))
              }
              for i in 0..<2 where row + i < height {
                let t = unsafe Self.aT(
                  half[4 * i], half[4 * i + 1], half[4 * i + 2], half[4 * i + 3])
                let pixel = (image * height + row + i) * width + column
                unsafe y.store(t.0, pixel * outputs + c)
                if column + 1 < width { unsafe y.store(t.1, (pixel + 1) * outputs + c) }
              }
            }
          }
        }
      }
    }
  }

  // MARK: - The maps in one dimension

  /// Bᵀ: four input pixels to four positions.
  @inline(__always)
  private static func bT(
    _ d0: FloatVector, _ d1: FloatVector, _ d2: FloatVector, _ d3: FloatVector
  ) -> (FloatVector, FloatVector, FloatVector, FloatVector) {
    (d0 - d2, d1 + d2, d2 - d1, d1 - d3)
  }

  /// G: three filter taps to four positions.
  @inline(__always)
  private static func g(
    _ g0: FloatVector, _ g1: FloatVector, _ g2: FloatVector
  ) -> (FloatVector, FloatVector, FloatVector, FloatVector) {
    let half = FloatVector(repeating: 0.5)
    let even = (g0 + g2) * half, odd = g1 * half
    return (g0, even + odd, even - odd, g2)
  }

  /// Aᵀ: four positions to two output pixels.
  @inline(__always)
  private static func aT(
    _ m0: FloatVector, _ m1: FloatVector, _ m2: FloatVector, _ m3: FloatVector
  ) -> (FloatVector, FloatVector) {
    (m0 + m1 + m2, m1 - m2 - m3)
  }
}
