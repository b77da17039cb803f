/// The insertion of a node that is far from all others, or nearly all.
///
/// Where vectors lie in tight groups and come one group after the other, the candidates of the first ones of a group all
/// belong to one other group, which was the nearest that the search came across. With links to it alone, the way from a
/// third group leads through it or not at all; a search that ends in a group which is the nearest of those it has links to
/// stays there. So the first vectors of a group are linked to several others: beams on the layers above, where each
/// group has few nodes, say which ones there are.
extension GraphInsertion {
    /// One in so many candidates may belong to the node's own group.
    private static var ownShare: Int { 8 }

    /// How many times nearer to each other than to the new node, by the square, the nodes of another group are.
    private static var contrast: Float { 4 }

    /// Replaces half of the candidates, where most of them lie in one group far from the new node, by nodes of other
    /// groups. In nearly all cases one distance says that they do not.
    ///
    /// - Parameters:
    ///   - vector: of the new node.
    ///   - count: how many candidates there are.
    /// - Returns: how many candidates there are then, nil where none was replaced.
    @inline(__always)
    mutating func lookFarther<Graph: MutableNeighborGraph>(
        _ vector: UnsafePointer<Float>, _ count: Int, _ layer: Int, _ entry: EntryPoint,
        in graph: inout Graph
    ) throws(Graph.Failure) -> Int? {
        let own = count / Self.ownShare
        guard count >= shape.efConstruction, count >= 4, isGroup(vector, own, count, graph.metric)
        else { return nil }
        return try takeOthers(vector, own, count, layer, entry, in: &graph)
    }

    /// Whether all candidates from a number on are much nearer to the first of them than to the new node.
    @inline(__always)
    private func isGroup(
        _ vector: UnsafePointer<Float>, _ first: Int, _ count: Int, _ metric: Metric
    ) -> Bool {
        guard let start = selection.vectors[first] else { return false }
        let distance = metric.squaredEuclidean(start, vector, shape.dimensions)
        var index = count
        while index > first &+ 1 {
            index &-= 1
            guard let other = selection.vectors[index] else { continue }
            let between = metric.squaredEuclidean(start, other, shape.dimensions)
            if !(between * Self.contrast <= distance) { return false }
        }
        return true
    }

    @inline(never)
    private mutating func takeOthers<Graph: MutableNeighborGraph>(
        _ vector: UnsafePointer<Float>, _ own: Int, _ count: Int, _ layer: Int,
        _ entry: EntryPoint, in graph: inout Graph
    ) throws(Graph.Failure) -> Int? {
        let isCoarse = graph.isCoarse
        graph.isCoarse = false
        let kept = count &- count / 2
        var taken = kept
        var start = entry.node
        var beam = try graph.score(&start, count: 1, into: upperFound)
        var level = entry.level
        while level > layer, taken < count {
            search.clear()
            try graph.beginVisits()
            for index in 0..<beam where try graph.visit(upperFound[index].node) {
                try search.start(
                    upperFound[index], level: level, ef: shape.efConstruction, keepsRest: false,
                    in: &graph)
            }
            try search.run(
                level: level, ef: shape.efConstruction, keepsRest: false, in: &graph)
            beam = search.takeSorted(into: upperFound)
            for index in 0..<beam where taken < count {
                let node = upperFound[index]
                let scratch = vectorScratch + taken &* shape.dimensions
                guard let other = try graph.vector(of: node.node, scratch: scratch),
                    !isAmong(node, other, vector, own, kept..<taken, graph.metric)
                else { continue }
                found[taken] = node
                selection.vectors[taken] = other
                taken &+= 1
            }
            level &-= 1
        }
        graph.isCoarse = isCoarse
        guard taken > kept else { return nil }
        isFar = true
        ScoredNode.sort(found, taken)
        return taken
    }

    /// Whether a node belongs to the new node's own group, or to one of which there is a node already.
    private func isAmong(
        _ node: ScoredNode, _ other: UnsafePointer<Float>, _ vector: UnsafePointer<Float>,
        _ own: Int, _ others: Range<Int>, _ metric: Metric
    ) -> Bool {
        func isNear(_ index: Int) -> Bool {
            guard let taken = selection.vectors[index] else { return false }
            if found[index].node.place == node.node.place { return true }
            let between = metric.squaredEuclidean(taken, other, shape.dimensions)
            return between * Self.contrast
                <= metric.squaredEuclidean(taken, vector, shape.dimensions)
        }
        for index in 0...own where isNear(index) { return true }
        for index in others where isNear(index) { return true }
        return false
    }
}

/// How the walk down the upper layers finds the right group where there are many.
public enum FarNodes {
    /// The width of the beam on the layers above the one that is searched.
    ///
    /// - Parameters:
    ///   - far: how many nodes had to look farther when they were inserted.
    ///   - count: how many nodes there are.
    public static func beam(far: Int, of count: Int) -> Int { far &* 256 > count ? 32 : 1 }
}
