import VectorKernels

/// The rounded vectors that searches of a build compare; see `CoarseVectors`.
extension MemoryGraph {
    @inline(__always)
    func coarseVector(_ index: Int) -> UnsafeMutableRawPointer {
        coarseChunks[index >> chunkShift] + (index & (1 << chunkShift &- 1)) &* coarseStride
    }

    /// So many vectors make a centre.
    private static var centreVectors: Int { 256 }

    /// Sets the centre of a region's rounded vectors, of which there are none yet: the mean of some of the
    /// `count` vectors that are to come.
    public func setCentre(of count: Int, _ vector: (Int) -> UnsafePointer<Float>) {
        let taken = min(count, Self.centreVectors)
        coarseVectors?.setCentre(taken) { vector($0 &* count / taken) }
    }

    /// Rounds the vector of the newest node; and all, once there are enough.
    mutating func roundNewest() {
        guard let coarse = coarseVectors, !isCollecting else { return }
        if isCoarse {
            coarse.round(vector(count &- 1), into: coarseVector(count &- 1))
        } else if count == Self.centreVectors {
            coarse.setCentre(count) { UnsafePointer(vector($0)) }
            for index in 0..<count { coarse.round(vector(index), into: coarseVector(index)) }
            isCoarse = true
        }
    }

    /// See `MutableNeighborGraph`.
    public mutating func beginInsertion() { coarseVectors?.round(query, into: coarseQuery) }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public func coarseVector(of node: NodeReference) -> UnsafeRawPointer? {
        isCoarse ? UnsafeRawPointer(coarseVector(index(node))) : nil
    }

    /// `score` by rounded vectors.
    @inline(__always)
    func scoreCoarsely(
        _ coarse: CoarseVectors, _ nodes: UnsafePointer<NodeReference>, _ count: Int,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) -> Int {
        for slot in 0..<min(CoarseVectors.ahead, count) {
            coarse.prefetch(coarseVector(index(nodes[slot])))
        }
        for slot in 0..<count {
            if slot &+ CoarseVectors.ahead < count {
                coarse.prefetch(coarseVector(index(nodes[slot &+ CoarseVectors.ahead])))
            }
            let distance = coarse.distance(coarseQuery, coarseVector(index(nodes[slot])))
            scored[slot] = ScoredNode(distance: distance, node: nodes[slot])
        }
        return count
    }
}
