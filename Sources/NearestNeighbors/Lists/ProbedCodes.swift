/// What reading the vectors behind codes needs of the storage of inverted lists.
public protocol ListStorage: MemorySource {
    /// The exact distance of the vector in a slot of a group from the query. O(dimensions).
    mutating func distance(of candidate: ListCandidate) throws(Failure) -> Float
    /// Says that the distance of this vector will probably be asked for soon.
    func prefetch(_ candidate: ListCandidate)
}

/// A vector of an inverted list: the group it is in, by the number under which `ProbedCodes` got it, and
/// its slot there.
public struct ListCandidate: Sendable, BitwiseCopyable {
    /// The group's number.
    public let group: Int
    /// The slot in the group.
    public let slot: Int
}

/// The codes of the probed lists, and the nearest of their vectors one after the other.
///
/// For each code there is a lower bound of its vector's distance. Vectors are read in the order of their
/// bounds, and one is answered as soon as nothing unread can be nearer. That reads no vector that could
/// have been spared: only those whose bound is below the distance of the last answer.
///
/// Adding a code is O(1), nearly always a comparison; the k-th answer is O(log n) plus the vectors read. Codes may be added
/// between two answers, which costs O(p) once, p being the size of the pool.
public struct ProbedCodes {
    private struct Group: BitwiseCopyable {
        var first: Int
        var count: Int
    }

    /// Bounds of all codes, +∞ for those that are read or hold nothing.
    private var bounds: GrowableArray<Float>
    private var groups: GrowableArray<Group>
    /// The smallest bounds: nodes are indices into `bounds`.
    private var pool: BinaryHeap<FarthestFirst>
    private var isPoolOrdered = false
    /// No bound outside the pool is below this.
    private var outside = Float.infinity
    private var poolSize: Int
    private let firstPoolSize: Int
    private let largestPoolSize: Int
    private var ready: BinaryHeap<NearestFirst>

    /// No codes yet, but room for `capacity`. `poolSize` codes are looked at first; each time they do not
    /// suffice, four times as many, up to `largestPoolSize`.
    public init<Memory: MemorySource>(
        poolSize: Int, largestPoolSize: Int = .max, capacity: Int, in memory: inout Memory
    ) throws(Memory.Failure) {
        firstPoolSize = max(poolSize, 1)
        self.largestPoolSize = max(largestPoolSize, firstPoolSize)
        self.poolSize = firstPoolSize
        bounds = try GrowableArray(capacity: capacity, in: &memory)
        groups = try GrowableArray(capacity: 64, in: &memory)
        pool = try BinaryHeap(capacity: firstPoolSize &+ 1, in: &memory)
        ready = try BinaryHeap(capacity: firstPoolSize &+ 1, in: &memory)
    }

    /// Forgets all codes.
    public mutating func removeAll() {
        bounds.count = 0
        groups.count = 0
        pool.nodes.count = 0
        ready.nodes.count = 0
        outside = .infinity
        poolSize = firstPoolSize
        isPoolOrdered = false
    }

    /// Number of groups added.
    public var groupCount: Int { groups.count }

    /// Number of slots of these groups.
    public var slotCount: Int { bounds.count }

    /// Bytes of memory that all this takes.
    public var memoryBytes: Int {
        bounds.capacity &* MemoryLayout<Float>.stride
            &+ groups.capacity &* MemoryLayout<Group>.stride
            &+ (pool.nodes.capacity &+ ready.nodes.capacity) &* MemoryLayout<ScoredNode>.stride
    }

    /// Makes room for the lower bounds of a group of `count` codes, which the caller writes there before
    /// `addGroup`: by slot, +∞ for one that holds nothing.
    @inline(__always)
    public mutating func roomForGroup<Memory: MemorySource>(_ count: Int, in memory: inout Memory)
        throws(Memory.Failure) -> UnsafeMutablePointer<Float>
    {
        try bounds.reserve(bounds.count &+ count, in: &memory)
        return bounds.start + bounds.count
    }

    /// Adds the group whose bounds have been written into the room made for them.
    @inline(__always)
    public mutating func addGroup<Memory: MemorySource>(count: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        let first = bounds.count
        bounds.count = first &+ count
        try groups.append(Group(first: first, count: count), in: &memory)
        if isPoolOrdered {
            // The farthest back on top.
            pool.reorder()
            isPoolOrdered = false
        }
        try offer(first..<(first &+ count), in: &memory)
    }

    /// The next nearest vector, nil when all have been answered or the next is farther away than `limit`.
    @inline(__always)
    public mutating func next<Storage: ListStorage>(
        within limit: Float = .infinity, in storage: inout Storage
    ) throws(Storage.Failure) -> (candidate: ListCandidate, distance: Float)? {
        if !isPoolOrdered { orderPool(in: storage) }
        while true {
            let unread = min(pool.count > 0 ? poolTop.distance : .infinity, outside)
            if ready.count > 0, ready.top.distance <= unread {
                guard ready.top.distance <= limit else { return nil }
                let node = ready.pop()
                return (candidate(Int(node.node.raw)), node.distance)
            }
            guard unread <= limit else { return nil }
            if pool.count > 0, poolTop.distance <= outside {
                let index = Int(popPool().node.raw)
                bounds[index] = .infinity
                prefetch(ProbedCodes.prefetchDistance, in: storage)
                let distance = try storage.distance(of: candidate(index))
                try ready.push(
                    ScoredNode(
                        distance: distance, node: NodeReference(raw: UInt64(index))),
                    in: &storage)
            } else if outside < .infinity {
                try refillPool(in: &storage)
            } else {
                return nil
            }
        }
    }

    // MARK: The pool

    /// While codes come in: the farthest of the pool on top, to be replaced. Afterwards: the nearest.
    private mutating func offer<Memory: MemorySource>(
        _ indices: Range<Int>, in memory: inout Memory
    ) throws(Memory.Failure) {
        let bounds = bounds.start
        var index = indices.lowerBound
        while pool.count < poolSize, index < indices.upperBound {
            if bounds[index] < .infinity { try pool.push(node(index), in: &memory) }
            index &+= 1
        }
        guard index < indices.upperBound else { return }
        var limit = pool.top.distance
        var least = SIMD4<Float>(repeating: outside)
        while index < indices.upperBound {
            // Most codes are too far: sixteen at a time they are only looked at.
            var end = index &+ 16
            if end <= indices.upperBound {
                let smallest = leastOfSixteen(index)
                if smallest.least >= limit {
                    least = least.orLess(smallest)
                    index = end
                    continue
                }
            }
            end = min(end, indices.upperBound)
            while index < end {
                var left = bounds[index]
                if left < limit {
                    pool.replaceTop(node(index))
                    left = limit
                    limit = pool.top.distance
                }
                least.x = left < least.x ? left : least.x
                index &+= 1
            }
        }
        outside = least.least
    }

    @inline(__always)
    private func node(_ index: Int) -> ScoredNode {
        ScoredNode(distance: bounds[index], node: NodeReference(raw: UInt64(index)))
    }

    /// The smallest of sixteen bounds is one of four.
    @inline(__always)
    private func leastOfSixteen(_ index: Int) -> SIMD4<Float> {
        let start = UnsafeRawPointer(bounds.start + index)
        let first = start.loadUnaligned(as: SIMD4<Float>.self)
            .orLess(start.loadUnaligned(fromByteOffset: 16, as: SIMD4<Float>.self))
        let second = start.loadUnaligned(fromByteOffset: 32, as: SIMD4<Float>.self)
            .orLess(start.loadUnaligned(fromByteOffset: 48, as: SIMD4<Float>.self))
        return first.orLess(second)
    }

    /// Sorts the pool, the nearest last.
    private mutating func orderPool<Storage: ListStorage>(in storage: Storage) {
        // Taking the farthest out again and again leaves them in ascending order behind the heap; turned
        // around, the nearest is the last.
        let count = pool.count
        for _ in 0..<count {
            let farthest = pool.pop()
            pool.nodes[pool.count] = farthest
        }
        pool.nodes.count = count
        var low = 0
        var high = count &- 1
        while low < high {
            let node = pool.nodes[low]
            pool.nodes[low] = pool.nodes[high]
            pool.nodes[high] = node
            low &+= 1
            high &-= 1
        }
        isPoolOrdered = true
        for place in 1..<ProbedCodes.prefetchDistance { prefetch(place, in: storage) }
    }

    /// Vectors that are on their way from memory at the same time.
    @inline(__always)
    private static var prefetchDistance: Int { 4 }

    /// Prefetches the n-th vector that is still to be read.
    @inline(__always)
    private func prefetch<Storage: ListStorage>(_ place: Int, in storage: Storage) {
        if pool.count >= place {
            storage.prefetch(candidate(Int(pool.nodes[pool.count &- place].node.raw)))
        }
    }

    @inline(__always)
    private var poolTop: ScoredNode { pool.nodes[pool.count &- 1] }

    @inline(__always)
    private mutating func popPool() -> ScoredNode {
        let node = poolTop
        pool.nodes.count &-= 1
        return node
    }

    private mutating func refillPool<Storage: ListStorage>(in memory: inout Storage)
        throws(Storage.Failure)
    {
        poolSize = min(poolSize &* 4, largestPoolSize)
        pool.nodes.count = 0
        outside = .infinity
        try offer(0..<bounds.count, in: &memory)
        orderPool(in: memory)
    }

    @inline(__always)
    private func candidate(_ index: Int) -> ListCandidate {
        var low = 0
        var high = groups.count
        while high &- low > 1 {
            let middle = (low &+ high) / 2
            if groups[middle].first <= index { low = middle } else { high = middle }
        }
        return ListCandidate(group: low, slot: index &- groups[low].first)
    }
}

// The standard library's minima look for NaN, which is not to be found here and took most of the time.
extension SIMD4<Float> {
    /// The lesser of each two elements.
    @inline(__always)
    fileprivate func orLess(_ other: SIMD4<Float>) -> SIMD4<Float> {
        replacing(with: other, where: other .< self)
    }

    /// The least element.
    @inline(__always)
    fileprivate var least: Float {
        let low = x < y ? x : y
        let high = z < w ? z : w
        return low < high ? low : high
    }
}
