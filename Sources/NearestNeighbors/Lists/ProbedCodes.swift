/// What reading the vectors behind codes needs of the storage of inverted lists.
public protocol ListStorage: MemorySource {
    /// The exact distance of the vector in a slot of a group from the query. O(dimensions).
    mutating func distance(of candidate: ListCandidate) throws(Failure) -> Float
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
/// Adding a code is O(1), nearly always a comparison; the k-th answer is O(log n) plus the vectors read.
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
    private var ready: BinaryHeap<NearestFirst>

    /// No codes yet. `poolSize` codes are looked at first; each time they do not suffice, four times as
    /// many.
    public init<Memory: MemorySource>(poolSize: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        firstPoolSize = max(poolSize, 1)
        self.poolSize = firstPoolSize
        bounds = try GrowableArray(capacity: 4096, in: &memory)
        groups = try GrowableArray(capacity: 128, in: &memory)
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

    /// Adds a group: `count` lower bounds, by slot; +∞ for a slot that holds nothing.
    @inline(__always)
    public mutating func addGroup<Memory: MemorySource>(
        _ lowerBounds: UnsafePointer<Float>, count: Int, in memory: inout Memory
    ) throws(Memory.Failure) {
        let first = bounds.count
        try bounds.reserve(first &+ count, in: &memory)
        (bounds.start + first).update(from: lowerBounds, count: count)
        bounds.count = first &+ count
        try groups.append(Group(first: first, count: count), in: &memory)
        for index in first..<(first &+ count) { try offer(index, in: &memory) }
    }

    /// The next nearest vector, nil when all have been answered.
    @inline(__always)
    public mutating func next<Storage: ListStorage>(in storage: inout Storage)
        throws(Storage.Failure) -> (candidate: ListCandidate, distance: Float)?
    {
        if !isPoolOrdered { orderPool() }
        while true {
            let unread = min(pool.count > 0 ? poolTop.distance : .infinity, outside)
            if ready.count > 0, ready.top.distance <= unread {
                let node = ready.pop()
                return (candidate(Int(node.node.raw)), node.distance)
            }
            if pool.count > 0, poolTop.distance <= outside {
                let index = Int(popPool().node.raw)
                bounds[index] = .infinity
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
    @inline(__always)
    private mutating func offer<Memory: MemorySource>(_ index: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        let bound = bounds[index]
        if pool.count < poolSize {
            guard bound < .infinity else { return }
            try pool.push(
                ScoredNode(distance: bound, node: NodeReference(raw: UInt64(index))), in: &memory)
        } else if bound < pool.top.distance {
            outside = min(outside, pool.top.distance)
            pool.replaceTop(
                ScoredNode(distance: bound, node: NodeReference(raw: UInt64(index))))
        } else {
            outside = min(outside, bound)
        }
    }

    /// Sorts the pool, the nearest last.
    private mutating func orderPool() {
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
    }

    @inline(__always)
    private var poolTop: ScoredNode { pool.nodes[pool.count &- 1] }

    @inline(__always)
    private mutating func popPool() -> ScoredNode {
        let node = poolTop
        pool.nodes.count &-= 1
        return node
    }

    private mutating func refillPool<Memory: MemorySource>(in memory: inout Memory)
        throws(Memory.Failure)
    {
        poolSize &*= 4
        pool.nodes.count = 0
        outside = .infinity
        for index in 0..<bounds.count { try offer(index, in: &memory) }
        orderPool()
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
