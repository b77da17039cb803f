import VectorKernels

/// Collecting the nodes of a graph before any of them is linked.
///
/// Rows come in an order of their own: by time, by customer, by topic. A graph whose nodes are linked in that order knows
/// no way from one part of the data to another that came later. So all nodes are there first, and are then linked in an
/// order that looks random.
extension MemoryGraph: NumberedRows {
    var dimensions: Int { shape.dimensions }

    @inline(__always)
    func row(_ index: Int) -> UnsafePointer<Float> { UnsafePointer(vector(index)) }

    /// Adds the current row: to the node that has the current vector, or as a node that has no links yet.
    ///
    /// O(dimensions) expected.
    ///
    /// - Parameters:
    ///   - level: the level of the node if it is a new one.
    ///   - pause: called every few milliseconds where it takes longer, so that it can be interrupted.
    public mutating func collect(level: Int, pause: () throws(Failure) -> Void) throws(Failure) {
        var set = try distinctNodes()
        if count >= set.capacity {
            let former = bytesUsed
            let slots = DistinctRows<MemoryGraph>.slotCount(capacity: set.capacity)
            let rows = self
            try set.grow(count, among: rows, in: &self, pause: pause)
            bytesUsed = former &+ slots &* MemoryLayout<Int32>.stride
            distinct = set
        }
        if let node = set.insert(query, at: count, among: self) {
            _ = try addRow(to: reference(UInt32(truncatingIfNeeded: node)))
        } else {
            _ = try addUnlinkedNode(level: level)
        }
    }

    private mutating func distinctNodes() throws(Failure) -> DistinctRows<MemoryGraph> {
        if let distinct { return distinct }
        let capacity = 1024
        let slots = DistinctRows<MemoryGraph>.slotCount(capacity: capacity)
        let set = DistinctRows<MemoryGraph>(
            capacity: capacity,
            slots: try allocate(bytes: slots &* MemoryLayout<Int32>.stride)
                .assumingMemoryBound(to: Int32.self))
        distinct = set
        isCollecting = true
        return set
    }

    /// Bytes that the set of the collected vectors takes more when there is one more.
    var distinctBytesForOneMore: Int {
        let capacity = distinct?.capacity ?? 0
        guard count >= capacity else { return 0 }
        return DistinctRows<MemoryGraph>.slotCount(capacity: max(capacity, 1024) &* 2)
            &* MemoryLayout<Int32>.stride
    }

    /// Ends the collection: rounds the vectors, and gives back what only collecting needs.
    ///
    /// - Parameter pause: called every few milliseconds, so that it can be interrupted.
    public mutating func endCollection(pause: () throws(Failure) -> Void) throws(Failure) {
        guard isCollecting else { return }
        isCollecting = false
        if let distinct { try distinct.free(in: &self) }
        distinct = nil
        guard let coarse = coarseVectors, count >= 2 else { return }
        let count = count
        setCentre(of: count) { UnsafePointer(vector($0)) }
        for index in 0..<count {
            if index & 255 == 0 { try pause() }
            coarse.round(vector(index), into: coarseVector(index))
        }
        isCoarse = true
    }
}
