#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Memory that ends where an inaccessible page begins, so that a kernel that reads or writes beyond
/// the end of a vector ends the test there and then.
final class GuardedMemory {
    private let start: UnsafeMutableRawPointer
    private let mapped: Int
    private let end: UnsafeMutableRawPointer

    init(capacity: Int) {
        let page = Int(getpagesize())
        let usable = (capacity + page - 1) / page * page + page
        mapped = usable + page
        #if canImport(Darwin)
            let flags = MAP_PRIVATE | MAP_ANON
        #else
            let flags = MAP_PRIVATE | MAP_ANONYMOUS
        #endif
        guard let memory = mmap(nil, mapped, PROT_READ | PROT_WRITE, flags, -1, 0),
            memory != MAP_FAILED, mprotect(memory + usable, page, PROT_NONE) == 0
        else { fatalError("no memory") }
        start = memory
        end = memory + usable
    }

    deinit { munmap(start, mapped) }

    /// Room for elements that ends so many bytes before the inaccessible page. With other than a
    /// multiple of the element's size the elements are misaligned.
    func room<T: BitwiseCopyable>(
        for count: Int, of type: T.Type = T.self, slack: Int = 0
    ) -> Room<T> {
        let base = end - slack - count * MemoryLayout<T>.stride
        precondition(base >= start)
        return Room(base: base, count: count)
    }

    /// Elements placed as `room` says.
    func place<T: BitwiseCopyable>(_ elements: some Collection<T>, slack: Int = 0) -> Room<T> {
        let room = room(for: elements.count, of: T.self, slack: slack)
        for (index, element) in elements.enumerated() { room[index] = element }
        return room
    }
}

/// Elements in memory that may be misaligned.
struct Room<T: BitwiseCopyable> {
    let base: UnsafeMutableRawPointer
    let count: Int

    /// As the kernels take it. Swift wants a typed pointer to be aligned only where it is used.
    var pointer: UnsafeMutablePointer<T> { base.assumingMemoryBound(to: T.self) }

    subscript(index: Int) -> T {
        get {
            base.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.stride, as: T.self)
        }
        nonmutating set {
            base.storeBytes(of: newValue, toByteOffset: index * MemoryLayout<T>.stride, as: T.self)
        }
    }

    var elements: [T] { (0..<count).map { self[$0] } }
}

/// A small generator of random numbers that gives the same ones in every run.
struct Generator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    mutating func vector(_ count: Int) -> [Float] {
        (0..<count).map { _ in Float.random(in: -1...1, using: &self) }
    }
}

#if os(Linux)
    /// The processor's features as the operating system names them.
    func processorFeatures() -> Set<String>? {
        guard let file = fopen("/proc/cpuinfo", "r") else { return nil }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, file) >= 0 {
            guard let line else { return nil }
            let parts = String(cString: line).split(separator: ":")
            if parts.count == 2, parts[0].hasPrefix("flags") {
                return Set(parts[1].split(whereSeparator: \.isWhitespace).map(String.init))
            }
        }
        return nil
    }
#endif
