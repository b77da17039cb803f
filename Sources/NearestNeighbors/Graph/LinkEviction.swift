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
/// All that this takes is each link's *cover*; see `LinkCovers`. Where a graph keeps the covers, a choice costs as
/// many distances as the list has links, and some more for those whose cover goes. Where it does not, all pairs are
/// computed.
struct LinkEviction {
    /// The distances of the links from the node they belong to.
    let distances: UnsafeMutablePointer<Float>
    /// Room for covers that the graph does not keep.
    let covers: LinkCovers
    private let toNew: UnsafeMutablePointer<Float>

    /// Room for lists of up to `capacity` links, the one too many included.
    init<Memory: MemorySource>(capacity: Int, in memory: inout Memory) throws(Memory.Failure) {
        let bytes = capacity &* MemoryLayout<Float>.stride
        distances = try memory.allocate(bytes: bytes).assumingMemoryBound(to: Float.self)
        covers = LinkCovers(
            at: try memory.allocate(bytes: LinkCovers.bytes(capacity)), capacity: capacity)
        toNew = try memory.allocate(bytes: bytes).assumingMemoryBound(to: Float.self)
    }

    /// Computes the covers of `count` links from nothing. O(count²) distances.
    @inline(__always)
    func measure<Ends: LinkEnds>(
        _ ends: Ends, count: Int, into covers: LinkCovers
    ) {
        for index in 0..<count { covers.remove(index) }
        for one in 0..<count {
            for other in 0..<one {
                let between = ends.distance(one, other)
                if distances[other] <= distances[one] {
                    covers.offer(between, from: other, to: one)
                }
                if distances[one] <= distances[other] {
                    covers.offer(between, from: one, to: other)
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
        covers: LinkCovers
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
            let kept = covers.distances[index]
            let nearest = distances[index] >= own ? min(kept, between) : kept
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
        _ slot: Int, _ ends: Ends, count: Int, covers: LinkCovers
    ) {
        let own = distances[count]
        covers.remove(slot)
        for index in 0..<count where index != slot {
            if Int(covers.slots[index]) == slot {
                covers.remove(index)
                for other in 0..<count
                where other != slot && other != index && distances[other] <= distances[index] {
                    covers.offer(ends.distance(index, other), from: other, to: index)
                }
            }
            if distances[index] >= own { covers.offer(toNew[index], from: slot, to: index) }
            if distances[index] <= own { covers.offer(toNew[index], from: index, to: slot) }
        }
    }
}

/// The covers of a list's links: for each the distance between its end and the nearest end of the other links that
/// are not farther from the node, and which link that is.
public struct LinkCovers {
    /// Infinite where there is none; that of the first link is NaN as long as none is known.
    public let distances: UnsafeMutablePointer<Float>
    /// The places of the links that cover. A link that goes leaves those it covers to be measured anew.
    let slots: UnsafeMutablePointer<UInt16>

    /// The place of no link.
    private static var none: UInt16 { .max }

    /// Covers of up to `capacity` links in memory that is aligned for `Float`.
    @inline(__always)
    public init(at start: UnsafeMutableRawPointer, capacity: Int) {
        distances = start.assumingMemoryBound(to: Float.self)
        slots = (start + capacity &* 4).assumingMemoryBound(to: UInt16.self)
    }

    /// The memory that this takes.
    public static func bytes(_ capacity: Int) -> Int { capacity &* 6 }

    /// Says that nothing is known.
    @inline(__always)
    func forget() { distances[0] = .nan }

    /// Whether the covers are known, of a list that is not empty.
    @inline(__always)
    var areKnown: Bool { !distances[0].isNaN }

    /// Notes that nothing covers a link.
    @inline(__always)
    func remove(_ slot: Int) {
        distances[slot] = .infinity
        slots[slot] = Self.none
    }

    /// Notes that a link covers another one, if none does that is nearer to it.
    @inline(__always)
    func offer(_ distance: Float, from coverer: Int, to slot: Int) {
        guard distance < distances[slot] else { return }
        distances[slot] = distance
        slots[slot] = UInt16(truncatingIfNeeded: coverer)
    }
}
