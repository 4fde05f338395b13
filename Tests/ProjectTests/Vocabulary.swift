import Foundation

/// A word that this project does not use, and the word that takes its place.
struct BannedWord {
  /// A regular expression; a word boundary is put at both ends, and case is ignored.
  let pattern: String
  /// The word to write instead.
  let replacement: String
  /// Expressions that are allowed although the pattern matches inside them.
  let exceptions: [String]

  init(_ pattern: String, _ replacement: String, except exceptions: [String] = []) {
    self.pattern = pattern
    self.replacement = replacement
    self.exceptions = exceptions
  }
}

/// The words of the field take the place of private ones, and spelling is American.
enum Vocabulary {
  /// Words that another word of the field replaces, in prose, comments and messages.
  static let words: [BannedWord] = [
    // Names of theorems keep their "law".
    BannedWord(
      "laws?", "distribution",
      except: [
        "laws? of large numbers", "law of the unconscious statistician", "law of total \\w+",
        "Bayes' law", "law of iterated expectations?", "scaling laws?", "power laws?",
      ]),
    BannedWord("normal (data|latents?|noise|variables?)", "Gaussian"),
    BannedWord("normal draws?", "Gaussian samples"),
    // A deviation is always a standard deviation.
    BannedWord(
      "deviations?", "standard deviation",
      except: ["standard deviations?", "absolute deviations?", "large deviations?"]),
    BannedWord("(a|the|each|every|one|of|random|more|fewer|many|independent) draws?", "sample"),
    BannedWord("\\d+ draws", "samples"),
    BannedWord("named right|names? .{0,24} right", "classified correctly, accuracy"),
    BannedWord("judges?|judged|yardsticks?", "classifier, reference features"),
    BannedWord("is told|are told|what tells|that tells|which tells", "is conditioned on, given"),
    BannedWord("(network|model|classifier|denoiser)s? (says?|tells?|believes?)", "predicts"),
    BannedWord("(network|model|classifier|denoiser) (looks?|sees?|knows?)", "is given, depends on"),
    BannedWord("opinions?", "prediction"),
    BannedWord("as a rule|if nothing is said|unless told otherwise", "by default"),
    BannedWord("the jump", "the closed-form marginal q(x_t | x_0)"),
    BannedWord("humps?", "mode"),
    BannedWord("clouds?", "samples, points, component", except: ["point clouds?"]),
    BannedWord("steer(s|ed|ing)?", "guide"),
    BannedWord("(network|model|classifier|denoiser|sampler)s? (draws?|drew)", "samples"),
    BannedWord("exploding form", "variance-exploding (VE)"),
    BannedWord("nats an? (number|image|picture|entry|dimension)", "nats per dimension"),
    BannedWord("(one|a) (stream|generator) an (entry|image|point)", "per entry"),
    BannedWord("believed only in part", "label smoothing"),
    BannedWord("no number any more", "not finite"),
    BannedWord("museums?", "known mistakes"),
    BannedWord("state come from|step come from|step gone to", "the state at step t"),
    BannedWord("required are|goals? of \\d|every requirement", "a neutral word"),
  ]

  /// British spellings, and the American ones.
  static let spellings: [BannedWord] = [
    BannedWord("cent(re|res|red|ring)", "center"),
    BannedWord("normalis\\w+", "normaliz…"),
    BannedWord("neighbour\\w*", "neighbor"),
    BannedWord("colour\\w*", "color"),
    BannedWord("grey\\w*", "gray"),
    BannedWord("label(led|ling)", "labeled, labeling"),
    BannedWord("model(led|ling)", "modeled, modeling"),
    BannedWord("(min|max|opt)imis\\w+", "…imiz…"),
    BannedWord("analys(e|ed|ing)", "analyze"),
    BannedWord("licence\\w*", "license"),
    BannedWord("favour\\w*", "favor"),
    BannedWord("behaviour\\w*", "behavior"),
    BannedWord(
      "(initial|general|recogn|summar|visual|organ|regular|factor)is(e|ed|es|ing)", "…iz…"),
    BannedWord("(discret|parametr|real|special|symbol|serial)is(e|ed|es|ing)", "…iz…"),
    BannedWord("(generalis|discretis|regularis|factoris|initialis|visualis)ations?", "…ization"),
    BannedWord("catalogue|programme|artefacts?|cancelled", "American spelling"),
  ]

  /// Parts of identifiers that have been renamed.
  static let identifiers: [BannedWord] = [
    BannedWord("\\w*(Labelled|Neighbour|Colour|Normalis|Centre)\\w*", "American spelling"),
    BannedWord("\\w*Law(s|Of\\w*)?", "Distribution"),
    BannedWord("Diffusable(Batch)?", "LinearCombinable"),
    BannedWord("(first|second)Memory", "beta1, beta2"),
    BannedWord("finalShare", "finalLearningRateRatio"),
    BannedWord("NoisedMixture", "NoisyMarginal"),
    BannedWord("ReverseMove", "StepContext"),
    BannedWord("noisyEnd", "addsFinalNoise"),
    BannedWord("rederivesNoise", "recomputesNoise"),
    BannedWord("EpochOrder", "BatchSampler"),
    BannedWord("\\w+Keeper", "CheckpointReport"),
    BannedWord("WholeNumbers", "IntegerList"),
    BannedWord("StepIntervals?", "TimestepRange"),
    BannedWord("(File|Dataset|Figure|Command)Error", "Failure"),
    BannedWord("Museum", "KnownMistakes"),
    BannedWord("sigmaExploding", "sigmaVE"),
    BannedWord("JudgedImages", "ClassifierOutputs"),
    BannedWord("normalDraws?", "normalSamples"),
  ]
}
