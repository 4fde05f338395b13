/// The kernels that networks compute with: the functions of `Naive`, which states their formulas,
/// computed fast.
///
/// Results equal `Naive`'s up to rounding, and do not depend on the number of threads.
public enum Kernel {}
