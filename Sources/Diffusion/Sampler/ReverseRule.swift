import Probability

/// One of the rules for a reverse step, as a sampler stores it.
///
/// The rules of this module have separate cases, so that samplers also work in Embedded Swift,
/// which has no `any`. Other conformances to `ReverseStep` are kept in `other`.
public enum ReverseRule: Sendable {
  case ancestral(AncestralStep)
  case ddim(DDIMStep)
  case heun(HeunStep)
  case adamsBashforth(AdamsBashforthStep)
  #if !hasFeature(Embedded)
    case other(any ReverseStep)
  #endif

  /// Computes the state at step s.
  public func advance<D: Denoiser>(
    _ context: StepContext<D>, using streams: inout RandomStreams
  ) -> D.Value {
    switch self {
    case .ancestral(let step): return step.advance(context, using: &streams)
    case .ddim(let step): return step.advance(context, using: &streams)
    case .heun(let step): return step.advance(context, using: &streams)
    case .adamsBashforth(let step): return step.advance(context, using: &streams)
    #if !hasFeature(Embedded)
      case .other(let step): return step.advance(context, using: &streams)
    #endif
    }
  }
}

#if !hasFeature(Embedded)
  extension ReverseStep {
    public var rule: ReverseRule { .other(self) }
  }
#endif
