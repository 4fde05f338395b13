/// Constants of the "minimal standard" generator (Park and Miller, 1988).
let multiplier: UInt64 = 48271
let modulus: UInt64 = 2_147_483_647

// snippet.throw
/// Throws a coin that shows heads with `probability`.
func throwCoin(probability: Double, _ state: inout UInt64) -> Bool {
  state = state * multiplier % modulus
  return Double(state) < probability * Double(modulus)
}
// snippet.end
