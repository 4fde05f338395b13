#if !hasFeature(Embedded)
  import CParallelism
  import Synchronization

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Darwin)
    import Darwin
  #endif

  /// A pool of threads that wait actively for the next job.
  ///
  /// A sleeping thread needs tens of microseconds to wake up, longer than many kernels run on a single
  /// image. So a worker polls for the next job for a while before it sleeps, and the caller polls for
  /// the last piece of its job.
  final class ThreadPool: @unchecked Sendable {
    static let shared = ThreadPool()

    /// The function that runs one piece, given its index.
    typealias Body = (Int) -> Void

    /// One call of `run`. Its body is valid while pieces are left or at work.
    @safe private final class Job: @unchecked Sendable {
      let body: UnsafePointer<Body>
      let pieces: Int
      let helpers: Int
      let joined = Atomic<Int>(0)
      let next = Atomic<Int>(0)
      let finished = Atomic<Int>(0)

      init(_ body: UnsafePointer<Body>, pieces: Int, helpers: Int) {
        unsafe self.body = unsafe body
        self.pieces = pieces
        self.helpers = helpers
      }

      func work() {
        while true {
          let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
          if piece >= pieces { return }
          call(piece)
          finished.wrappingAdd(1, ordering: .acquiringAndReleasing)
        }
      }

      // By itself, so that nothing of the body is held when the piece counts as finished.
      @inline(never) private func call(_ piece: Int) { unsafe body.pointee(piece) }
    }

    /// The number of polls before a thread sleeps or yields: about a tenth of a millisecond.
    private static let patience = 2000

    private let isBusy = Atomic<Bool>(false)
    private let generation = Atomic<Int>(0)
    private let condition = Condition()
    // These three are protected by `condition`.
    private var job: Job?
    private var sleepers = 0
    private var workers = 0

    /// Calls `body` with `0..<pieces` on the caller's thread and up to `helpers` others.
    ///
    /// - Returns: false, having done nothing, while another call is at work: a call from within a
    ///   body, or from another thread.
    func run(pieces: Int, helpers: Int, _ body: UnsafePointer<Body>) -> Bool {
      guard !isBusy.exchange(true, ordering: .acquiring) else { return false }
      let job = unsafe Job(body, pieces: pieces, helpers: helpers)
      condition.lock()
      self.job = job
      generation.wrappingAdd(1, ordering: .releasing)
      while workers < helpers { startWorker() }
      if sleepers > 0 { condition.broadcast() }
      condition.unlock()
      job.work()
      var looks = 0
      while job.finished.load(ordering: .acquiring) < pieces {
        looks += 1
        if looks > Self.patience { sched_yield() } else { parallelism_pause() }
      }
      isBusy.store(false, ordering: .releasing)
      return true
    }

    private func startWorker() {
      workers += 1
      let seen = generation.load(ordering: .relaxed) - 1
      startThread { [self] in watch(from: seen) }
    }

    private func watch(from generationSeen: Int) -> Never {
      var seen = generationSeen
      while true {
        var looks = 0
        while generation.load(ordering: .acquiring) == seen, looks < Self.patience {
          parallelism_pause()
          looks += 1
        }
        condition.lock()
        while generation.load(ordering: .relaxed) == seen {
          sleepers += 1
          condition.wait()
          sleepers -= 1
        }
        seen = generation.load(ordering: .relaxed)
        let job = job
        condition.unlock()
        guard let job, job.joined.wrappingAdd(1, ordering: .relaxed).oldValue < job.helpers else {
          continue
        }
        job.work()
      }
    }
  }

  /// A lock on which threads can wait to be woken.
  @safe private final class Condition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let signal = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
      unsafe pthread_mutex_init(mutex, nil)
      unsafe pthread_cond_init(signal, nil)
    }

    func lock() { unsafe pthread_mutex_lock(mutex) }
    func unlock() { unsafe pthread_mutex_unlock(mutex) }
    func wait() { unsafe pthread_cond_wait(signal, mutex) }
    func broadcast() { unsafe pthread_cond_broadcast(signal) }
  }

  /// The function of a new thread.
  private final class Task {
    let body: () -> Never
    init(_ body: @escaping () -> Never) { self.body = body }
  }

  /// Starts a thread that never ends, with a stack of 8 MiB.
  private func startThread(_ body: @escaping () -> Never) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setstacksize(&attributes, 8 << 20)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let task = unsafe Unmanaged.passRetained(Task(body)).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
      let failure = pthread_create(&thread, &attributes, { work($0) }, task)
    #else
      var thread = pthread_t()
      let failure = unsafe pthread_create(&thread, &attributes, { unsafe work($0!) }, unsafe task)
    #endif
    guard failure == 0 else { fatalError("the system cannot start a thread (error \(failure))") }
    unsafe pthread_attr_destroy(&attributes)
  }

  private func work(_ task: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    unsafe Unmanaged<Task>.fromOpaque(task).takeRetainedValue().body()
  }
#endif
