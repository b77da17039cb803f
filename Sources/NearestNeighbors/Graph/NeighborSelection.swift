/// Which candidates become neighbours (Malkov and Yashunin 2016, algorithm 4, pruned ones kept).
///
/// A candidate is passed over when one that was chosen before is at least as near to it as the node
/// itself is: the way there leads over that one. Places left are filled with the nearest of those
/// passed over, since the place is paid for anyway and more links save more hops than they cost.
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

    /// Chooses up to `limit` of the candidates, whose `vectors` the caller has set.
    ///
    /// O(count · limit) distances at the most.
    ///
    /// - Parameters:
    ///   - candidates: nearest first.
    ///   - target: room for `limit` nodes.
    /// - Returns: how many were chosen.
    @inline(__always)
    func choose(
        _ candidates: UnsafePointer<ScoredNode>, count: Int, limit: Int, metric: Metric,
        dimensions: Int, into target: UnsafeMutablePointer<ScoredNode>
    ) -> Int {
        var chosenCount = 0
        var passedCount = 0
        var index = 0
        while index < count, chosenCount < limit {
            if let vector = vectors[index] {
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
        while filled < limit, index < passedCount {
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

/// Which link gives way when a full list gets one more.
///
/// The farthest one that is covered by a nearer one goes; where none is covered, the farthest. Looking
/// from the far end finds it after a few distances, where choosing the whole list anew needs hundreds.
enum LinkEviction {
    /// The place that gives way.
    ///
    /// - Parameters:
    ///   - distances: of the links from the node they belong to.
    ///   - vectors: of the links; nil for a link that leads nowhere, which goes first.
    ///   - isSpent: scratch, one flag per link.
    /// - Returns: an index below `count`.
    @inline(__always)
    static func choose(
        distances: UnsafePointer<Float>, vectors: UnsafePointer<UnsafePointer<Float>?>,
        count: Int, metric: Metric, dimensions: Int, isSpent: UnsafeMutablePointer<Bool>
    ) -> Int {
        for index in 0..<count where vectors[index] == nil { return index }
        isSpent.update(repeating: false, count: count)
        var farthestOfAll = -1
        for _ in 0..<count {
            var farthest = -1
            for index in 0..<count where !isSpent[index] {
                if farthest < 0 || distances[index] > distances[farthest] { farthest = index }
            }
            guard farthest >= 0, let vector = vectors[farthest] else { break }
            if farthestOfAll < 0 { farthestOfAll = farthest }
            isSpent[farthest] = true
            let limit = distances[farthest]
            for other in 0..<count where !isSpent[other] {
                guard let otherVector = vectors[other] else { continue }
                if metric.distance(vector, otherVector, dimensions) <= limit { return farthest }
            }
        }
        return max(farthestOfAll, 0)
    }
}
