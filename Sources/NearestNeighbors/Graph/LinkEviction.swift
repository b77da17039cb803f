/// Which link gives way when a full list gets one more.
///
/// A link can be spared where another one of the list, not farther from the node, leads nearer to the
/// same place than the node itself is: it is spared by the ratio between its own distance and the distance between the
/// two ends. The link that is spared by most goes, be it the new one. Being a ratio, this weighs near and far links
/// alike, so that the only link to a distant cluster outlives those to the twentieth neighbour at hand.
///
/// Where no link can be spared, the farthest goes. That is the rule in spaces of so many dimensions that hardly a
/// neighbour is near another one; the smallest of the ratios would decide by chance there, and did: the same search
/// found up to a tenth less.
///
/// Choosing the whole list anew by the rule for new nodes is what the paper does. Decided one link at a
/// time that keeps the nearest of what is redundant, not the least redundant: the same search finds
/// less, and of tight clusters some become unreachable.
///
/// All that this takes is a number per link, its *cover*: the distance between its end and the nearest
/// end of the other links that are not farther from the node; infinite if there is none. Where a graph
/// keeps the covers, a choice costs as many distances as the list has links, and some more for those
/// whose cover goes. Where it does not, all pairs are computed.
struct LinkEviction {
    /// The distances of the links from the node they belong to.
    let distances: UnsafeMutablePointer<Float>
    /// Room for covers that the graph does not keep.
    let covers: UnsafeMutablePointer<Float>
    private let toNew: UnsafeMutablePointer<Float>

    /// Room for lists of up to `capacity` links, the one too many included.
    init<Memory: MemorySource>(capacity: Int, in memory: inout Memory) throws(Memory.Failure) {
        let bytes = capacity &* MemoryLayout<Float>.stride
        distances = try memory.allocate(bytes: bytes).assumingMemoryBound(to: Float.self)
        covers = try memory.allocate(bytes: bytes).assumingMemoryBound(to: Float.self)
        toNew = try memory.allocate(bytes: bytes).assumingMemoryBound(to: Float.self)
    }

    /// Computes the covers of `count` links from nothing. O(count²) distances.
    @inline(__always)
    func measure<Ends: LinkEnds>(
        _ ends: Ends, count: Int, into covers: UnsafeMutablePointer<Float>
    ) {
        covers.update(repeating: .infinity, count: count)
        for one in 0..<count {
            for other in 0..<one {
                let between = ends.distance(one, other)
                if distances[other] <= distances[one] { covers[one] = min(covers[one], between) }
                if distances[one] <= distances[other] {
                    covers[other] = min(covers[other], between)
                }
            }
        }
    }

    /// Chooses among `count` links, whose `distances` the caller has set, and one more behind them.
    ///
    /// Of those equally spared the first goes: with many equal vectors, the later ones are to be found as
    /// well.
    ///
    /// - Parameters:
    ///   - isBackbone: of the `count` links, which ones may not go.
    ///   - isWanted: whether the new link may not go either, unless all others are such.
    ///   - covers: of the `count` links; where one of them goes, they are afterwards the covers of the list with the
    ///     new link in its place.
    /// - Returns: the place that gives way; `count` for the new link.
    @inline(__always)
    func choose<Ends: LinkEnds>(
        _ ends: Ends, count: Int, isBackbone: UnsafePointer<Bool>, isWanted: Bool,
        covers: UnsafeMutablePointer<Float>
    ) -> Int {
        let own = distances[count]
        var cover = Float.infinity
        var slot = count
        var most = LinkWorth.least
        for index in 0..<min(vectorsAhead, count) { ends.prefetch(index) }
        for index in 0..<count {
            if index &+ vectorsAhead < count { ends.prefetch(index &+ vectorsAhead) }
            let between = ends.distance(index, count)
            toNew[index] = between
            if distances[index] <= own { cover = min(cover, between) }
            let nearest = distances[index] >= own ? min(covers[index], between) : covers[index]
            let spare = ends.spare(distances[index], cover: nearest)
            if !isBackbone[index], slot == count || most < spare {
                most = spare
                slot = index
            }
        }
        if slot == count || (!isWanted && most < ends.spare(own, cover: cover)) { return count }
        replace(slot, ends, count: count, covers: covers)
        return slot
    }

    /// Brings the covers up to date: the new link takes the place of another, and covers links instead.
    @inline(__always)
    private func replace<Ends: LinkEnds>(
        _ slot: Int, _ ends: Ends, count: Int, covers: UnsafeMutablePointer<Float>
    ) {
        let own = distances[count]
        for index in 0..<count where index != slot && distances[index] >= own {
            covers[index] = min(covers[index], toNew[index])
        }
        for index in 0..<count where index != slot && distances[index] >= distances[slot] {
            // The same kernel gives the same bits: only who has this very cover may have lost it.
            guard ends.distance(index, slot) == covers[index] else { continue }
            var cover = distances[index] >= own ? toNew[index] : .infinity
            for other in 0..<count
            where other != slot && other != index && distances[other] <= distances[index] {
                cover = min(cover, ends.distance(index, other))
            }
            covers[index] = cover
        }
        covers[slot] = .infinity
        for index in 0..<count where index != slot && distances[index] <= own {
            covers[slot] = min(covers[slot], toNew[index])
        }
    }
}
