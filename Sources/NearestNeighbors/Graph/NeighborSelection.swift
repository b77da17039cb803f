/// Which candidates become neighbours (Malkov and Yashunin 2016, algorithm 4, pruned ones kept).
///
/// A candidate is passed over when one that was chosen before is at least as near to it as the node
/// itself is: the way there leads over that one. Places left are filled with the nearest of those
/// passed over, since the place is paid for anyway and more links save more hops than they cost. Not
/// all of them for a new node, though: what others link to it next is worth more.
struct NeighborSelection {
    /// The vectors of the candidates, in the same order; nil for one that is gone.
    let vectors: UnsafeMutablePointer<UnsafePointer<Float>?>
    private let chosen: UnsafeMutablePointer<Int32>
    private let passedOver: UnsafeMutablePointer<Int32>

    /// Room for up to `capacity` candidates.
    init<Memory: MemorySource>(capacity: Int, in memory: inout Memory) throws(Memory.Failure) {
        vectors = try memory.allocate(bytes: capacity &* 8)
            .assumingMemoryBound(to: UnsafePointer<Float>?.self)
        chosen = try memory.allocate(bytes: capacity &* 4).assumingMemoryBound(to: Int32.self)
        passedOver = try memory.allocate(bytes: capacity &* 4).assumingMemoryBound(to: Int32.self)
    }

    /// Chooses up to `limit` of the candidates, whose `vectors` the caller has set. Those that are links of the
    /// backbone are chosen in any case.
    ///
    /// O(count · limit) distances at the most.
    ///
    /// - Parameters:
    ///   - candidates: nearest first.
    ///   - fill: how many links there are to be at the most with those passed over.
    ///   - target: room for `limit` nodes.
    /// - Returns: how many were chosen.
    @inline(__always)
    func choose(
        _ candidates: UnsafePointer<ScoredNode>, count: Int, limit: Int, fill: Int = .max,
        metric: Metric, dimensions: Int, into target: UnsafeMutablePointer<ScoredNode>
    ) -> Int {
        var chosenCount = 0
        var passedCount = 0
        var index = 0
        var reserved = 0
        for index in 0..<count where candidates[index].isBackbone { reserved &+= 1 }
        while index < count, chosenCount < limit {
            if candidates[index].isBackbone {
                reserved &-= 1
                chosen[chosenCount] = Int32(truncatingIfNeeded: index)
                chosenCount &+= 1
            } else if chosenCount &+ reserved < limit, let vector = vectors[index] {
                if isCovered(
                    vector, candidates[index].distance, by: chosenCount, metric, dimensions)
                {
                    passedOver[passedCount] = Int32(truncatingIfNeeded: index)
                    passedCount &+= 1
                } else {
                    chosen[chosenCount] = Int32(truncatingIfNeeded: index)
                    chosenCount &+= 1
                }
            }
            index &+= 1
        }
        for index in 0..<chosenCount { target[index] = candidates[Int(chosen[index])] }
        var filled = chosenCount
        index = 0
        while filled < min(limit, fill), index < passedCount {
            target[filled] = candidates[Int(passedOver[index])]
            filled &+= 1
            index &+= 1
        }
        return filled
    }

    @inline(__always)
    private func isCovered(
        _ vector: UnsafePointer<Float>, _ distance: Float, by chosenCount: Int, _ metric: Metric,
        _ dimensions: Int
    ) -> Bool {
        for index in 0..<chosenCount {
            guard let other = vectors[Int(chosen[index])] else { continue }
            if metric.distance(vector, other, dimensions) <= distance { return true }
        }
        return false
    }
}
