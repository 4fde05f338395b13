import Testing
import Weaving

@Suite struct NumberTextTests {
  static let written: [(Double, String)] = [
    (0, "0"), (-0.0, "0"), (1, "1"), (-3, "-3"), (1000, "1000"), (123_456_789, "123456789"),
    (0.5, "0.5"), (0.1 + 0.2, "0.3"), (1 / 3, "0.333333"), (2 / 3, "0.666667"),
    (0.0001, "0.0001"), (0.00012345678, "0.000123457"), (4.035829765e-5, "4.03583e-5"),
    (1_234_567.8, "1234568"), (1e12, "1e12"), (6.02214076e23, "6.02214e23"),
    (-2.5e-17, "-2.5e-17"), (0.99999999, "1"), (9.9999999e-5, "0.0001"),
  ]

  @Test(arguments: written)
  func shortFormKeepsSixDigits(value: Double, text: String) {
    #expect(NumberText.short(value) == text)
  }

  @Test func numbersThatAreNotFiniteHaveNames() {
    #expect(NumberText.short(.nan) == "NaN")
    #expect(NumberText.short(.infinity) == "∞")
    #expect(NumberText.fixed(-.infinity, decimals: 2) == "-∞")
  }

  @Test func digitsCanBeAskedFor() {
    #expect(NumberText.short(.pi, digits: 3) == "3.14")
    #expect(NumberText.short(.pi, digits: 12) == "3.14159265359")
    #expect(NumberText.short(1.4e-16, digits: 1) == "1e-16")
  }

  @Test func estimatesAreWrittenToTheSecondDigitOfTheirError() {
    #expect(NumberText.estimate(0.291512345, 0.00071812) == "0.29151 ± 0.00072")
    #expect(NumberText.estimate(1234.56, 12.3) == "1235 ± 12")
    #expect(NumberText.estimate(0.5, 0) == "0.5 ± 0")
    #expect(NumberText.estimate(.nan, 0.1) == "NaN ± 0.1")
    #expect(NumberText.estimate(1e-9, 1.5e-12) == "1e-9 ± 1.5e-12")
    #expect(NumberText.estimate(123456, 234) == "123456 ± 234")
  }

  @Test func pointsOfAColumnStandUnderEachOther() {
    #expect(NumberText.column([1, 0.25, 10.5]) == ["1.00", "0.25", "10.50"])
    #expect(NumberText.column([1, 1000]) == ["1", "1000"])
    #expect(NumberText.column([0.5, 4e-7]) == ["0.5", "4e-7"])
    #expect(NumberText.column([0.5, 0.25], decimals: 3) == ["0.500", "0.250"])
    #expect(NumberText.column([0.5, .nan]) == ["0.5", "NaN"])
  }

  static let durations: [(Double, String)] = [
    (0.0123, "12 ms"), (0.9999, "1.0 s"), (3.44, "3.4 s"), (59.99, "1 min 0 s"),
    (125, "2 min 5 s"), (3725, "1 h 2 min"),
  ]

  @Test(arguments: durations)
  func durationsHaveTheUnitThatFits(seconds: Double, text: String) {
    #expect(NumberText.duration(seconds) == text)
  }
}
