import Foundation
import Testing
import Weaving

@Suite struct TranscriptTests {
  static let sample: Transcript = {
    var check = CheckRecord(claim: "3.1", statement: "a \"quoted\" \\ statement", test: .equals)
    check.computed = 0.1 + 0.2
    check.expected = 0.3
    check.difference = 5.551115123125783e-17
    check.tolerance = 1e-12
    check.passed = true
    var condition = CheckRecord(claim: "3.2", statement: "order", test: .holds)
    condition.numbers = [.init("ᾱ", .infinity), .init("b", -.infinity)]
    var transcript = Transcript(chapter: "03-x", seed: .max, isQuick: false)
    transcript.events = [
      Event(line: 4, content: .value(ValueRecord(label: "p", number: 1e-300, unit: "nats"))),
      Event(line: 5, content: .check(check)),
      Event(line: 6, content: .check(condition)),
      Event(
        line: 7,
        content: .table(
          TableRecord(
            title: nil, columns: [ColumnRecord(name: "t", digits: 3), ColumnRecord(name: "x")],
            rows: [[.number(1), .text("a|b")], [.estimate(0.5, 0.01), .text("")]]))),
      Event(
        line: 8,
        content: .figure(
          FigureRecord(
            name: "f", caption: "c", alternative: "a",
            files: [FigureFile(name: "f.svg", digest: "00")]))),
    ]
    return transcript
  }()

  @Test func aTranscriptReadsBackAsItWas() throws {
    var transcript = Self.sample
    #expect(try Transcript(json: transcript.json, file: "t") == transcript)
    transcript.digest = "0123456789abcdef"
    #expect(try Transcript(json: transcript.json, file: "t") == transcript)
  }

  @Test func aTranscriptIsJSONThatOthersRead() throws {
    let object = try JSONSerialization.jsonObject(with: Data(Self.sample.json.utf8))
    let fields = try #require(object as? [String: Any])
    #expect(fields["passed"] as? Int == 1)
    #expect(fields["failed"] as? Int == 1)
    #expect((fields["events"] as? [[String: Any]])?.count == 5)
  }

  @Test func eachEventIsOneLine() throws {
    for event in Self.sample.events {
      #expect(!event.json.contains("\n"))
      #expect(Event(json: event.json) == event)
    }
    #expect(Event(json: #"{"event":"summary","passed":1,"failed":0}"#) == nil)
  }

  @Test func aNaNSurvives() throws {
    let value = ValueRecord(label: "x", number: .nan)
    let event = try #require(Event(json: Event(line: 1, content: .value(value)).json))
    guard case .value(let read) = event.content else {
      Issue.record("not a value")
      return
    }
    #expect(read.number?.isNaN == true)
  }

  @Test(arguments: ["", "{", "[]", #"{"chapter":"x"}"#, #"{"chapter":1,"events":[]}"#])
  func whatIsNoTranscriptIsRefusedByName(text: String) {
    let error = #expect(throws: Problems.self) { try Transcript(json: text, file: "T.json") }
    #expect(error?.description.hasPrefix("T.json: is no transcript") == true)
  }
}
