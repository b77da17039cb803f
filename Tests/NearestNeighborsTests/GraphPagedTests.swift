import Testing
import VectorKernels

@testable import NearestNeighbors

/// The same algorithms over pages, where calls fail and others change the same lists.
@Suite struct GraphPagedTests {
    /// Inserts rows one by one; errors end an insertion and no more.
    private struct Inserter {
        var graph: PagedGraph
        var insertion: GraphInsertion
        var random: RandomSource

        init(_ graph: PagedGraph, seed: UInt64) throws {
            self.graph = graph
            insertion = try GraphInsertion(graph.shape, in: &self.graph)
            random = RandomSource(seed: seed)
        }

        mutating func insert(_ row: Int, of rows: Rows) throws(PagedFailure) {
            graph.currentRow = UInt64(row)
            graph.query = rows[row]
            let level = graph.shape.randomLevel(using: &random)
            _ = try insertion.insert(rows[row], level: level, into: &graph)
        }
    }

    /// A search that ends, finds each live node at most once, and in order until the late ones.
    private func checkSearch(
        _ graph: inout PagedGraph, from query: UnsafePointer<Float>,
        location: SourceLocation = #_sourceLocation
    ) throws {
        graph.query = query
        let found = try answers(in: &graph, ef: 7)
        #expect(Set(found.map(\.node.raw)).count == found.count, sourceLocation: location)
        let areLive = found.allSatisfy { graph.isLive($0.node) }
        #expect(areLive, sourceLocation: location)
        let descents = zip(found, found.dropFirst()).count { $0.distance > $1.distance }
        #expect(descents <= 1, sourceLocation: location)
    }

    @Test(
        arguments: [Metric.Kind.squaredEuclidean, .innerProduct, .cosine],
        [Rows.Spread.even, .clustered, .grid])
    func pagesHoldTheSameGraphAsMemory(kind: Metric.Kind, spread: Rows.Spread) throws {
        let metric = Metric.of(kind)
        let shape = GraphShape(dimensions: 4, links: 4, efConstruction: 20, maximumLevel: 5)
        let rows = Rows(500, 4, spread, seed: 31)
        rows.normalize(with: metric)
        let memory = buildGraph(rows, shape, metric, seed: 32)
        var paged = try Inserter(
            PagedGraph(shape, metric, query: rows[0], rowCapacity: 100), seed: 32)
        for row in 0..<rows.count { try paged.insert(row, of: rows) }
        #expect(memory.count > 100)
        #expect(paged.graph.snapshot() == memory.snapshot())
        for query in 0..<5 { try checkSearch(&paged.graph, from: rows[query]) }
    }

    @Test func aFullNodeTakesNoMoreRows() throws {
        let shape = GraphShape(dimensions: 2, links: 4, efConstruction: 20, maximumLevel: 3)
        let rows = Rows(50, 2, .equal, seed: 33)
        var paged = try Inserter(
            PagedGraph(shape, .of(.squaredEuclidean), query: rows[0], rowCapacity: 4), seed: 34)
        for row in 0..<rows.count { try paged.insert(row, of: rows) }
        let snapshot = paged.graph.snapshot()
        #expect(snapshot.rows == (0..<50).map { UInt64($0) })
        #expect(snapshot.violations(shape) == [])
        // Not every insertion comes by a node that has room.
        #expect((13...25).contains(snapshot.nodes.count))
    }

    /// Every storage call of an insertion fails once, and in the end each row is found that was not
    /// lost to an error.
    @Test func anErrorAtAnyCallLeavesAGraph() throws {
        let shape = GraphShape(dimensions: 3, links: 2, efConstruction: 6, maximumLevel: 4)
        let rows = Rows(2000, 3, .even, seed: 35)
        var inserter = try Inserter(
            PagedGraph(shape, .of(.squaredEuclidean), query: rows[0]), seed: 36)
        var next = 0
        while next < 40 {
            try inserter.insert(next, of: rows)
            next += 1
        }
        var step = 0
        var isDone = false
        while !isDone, next < rows.count {
            inserter.graph.callsUntilFailure = step
            do {
                try inserter.insert(next, of: rows)
                // Fewer calls than that: whether another insertion has more is seen at a few more.
                isDone = step > 700
            } catch {
                #expect(error == .injected)
            }
            next += 1
            step += 1
            inserter.graph.callsUntilFailure = -1
            if step % 7 == 0 {
                #expect(inserter.graph.snapshot().violations(shape).prefix(3) == [])
                try checkSearch(&inserter.graph, from: rows[next % rows.count])
            }
            // What comes after an error is inserted as ever.
            if step % 3 == 0 {
                try inserter.insert(next, of: rows)
                next += 1
            }
        }
        #expect(step > 300)
        let snapshot = inserter.graph.snapshot()
        #expect(Set(snapshot.rows).count == snapshot.rows.count)
        #expect(Double(snapshot.reachable) > 0.9 * Double(snapshot.nodes.count))
    }

    @Test func anErrorAtAnyCallOfASearchIsPassedOn() throws {
        let shape = GraphShape(dimensions: 3, links: 3, efConstruction: 10, maximumLevel: 4)
        let rows = Rows(150, 3, .even, seed: 37)
        var inserter = try Inserter(
            PagedGraph(shape, .of(.squaredEuclidean), query: rows[0]), seed: 38)
        for row in 0..<rows.count { try inserter.insert(row, of: rows) }
        let former = inserter.graph.calls
        let all = try answers(in: &inserter.graph, ef: 10)
        let calls = inserter.graph.calls - former
        for step in stride(from: 0, to: calls, by: 5) {
            inserter.graph.callsUntilFailure = step
            #expect(throws: PagedFailure.injected) { try answers(in: &inserter.graph, ef: 10) }
        }
        inserter.graph.callsUntilFailure = -1
        let again = try answers(in: &inserter.graph, ef: 10)
        #expect(again.map(\.node) == all.map(\.node))
    }

    @Test(arguments: [20, 60, 100]) func othersChangeTheSameLists(interference: Int) throws {
        let shape = GraphShape(dimensions: 4, links: 4, efConstruction: 20, maximumLevel: 4)
        let rows = Rows(600, 4, .even, seed: 39)
        var inserter = try Inserter(
            PagedGraph(shape, .of(.squaredEuclidean), query: rows[0]), seed: 40)
        inserter.graph.interference = interference
        for row in 0..<rows.count { try inserter.insert(row, of: rows) }
        let snapshot = inserter.graph.snapshot()
        #expect(snapshot.violations(shape).prefix(3) == [])
        #expect(snapshot.rows == (0..<600).map { UInt64($0) })
        try checkSearch(&inserter.graph, from: rows[1])
        // Where nobody ever gets through, no link leads to a new node.
        if interference < 100 {
            #expect(Double(snapshot.reachable) > 0.98 * Double(snapshot.nodes.count))
        }
    }

    @Test func deadNodesLeadOnAndRemovedOnesDoNot() throws {
        let shape = GraphShape(dimensions: 4, links: 8, efConstruction: 40, maximumLevel: 4)
        let rows = Rows(900, 4, .even, seed: 41)
        var inserter = try Inserter(
            PagedGraph(shape, .of(.squaredEuclidean), query: rows[0]), seed: 42)
        var random = RandomSource(seed: 43)
        for row in 0..<rows.count {
            try inserter.insert(row, of: rows)
            guard row % 3 == 0, let node = inserter.graph.present.randomElement(using: &random)
            else { continue }
            inserter.graph.bury(node)
            if Bool.random(using: &random), node != inserter.graph.entryNode {
                inserter.graph.remove(node)
            }
        }
        #expect(inserter.graph.present.count < rows.count)
        #expect(inserter.graph.snapshot().violations(shape).filter { !$0.contains("entry") } == [])
        var hits = 0
        let live = inserter.graph.present.filter { inserter.graph.isLive($0) }
        for query in 0..<20 {
            try checkSearch(&inserter.graph, from: rows[query])
            let found = try answers(in: &inserter.graph, ef: 40, limit: 10)
            let nearest = live.map {
                inserter.graph.metric.distance(
                    rows[query], inserter.graph.vector(of: $0), shape.dimensions)
            }.sorted()
            hits += found.count { $0.distance <= nearest[9] }
        }
        #expect(hits >= 190)
    }

    /// What vacuum does: repairs the links of the nodes that stay, and removes the others.
    private func removeDoomed(from graph: inout PagedGraph) throws {
        var repair = try GraphRepair(graph.shape, in: &graph)
        for node in graph.present where !graph.isDoomed(node) {
            for level in 0...graph.level(of: node) {
                _ = try repair.repair(node, level: level, in: &graph) { $0.query = $1 }
                #expect(!graph.links(of: node, level).contains { graph.isDoomed($0) })
            }
        }
        for node in graph.present where graph.isDoomed(node) { graph.remove(node) }
    }

    @Test(arguments: [0, 30]) func repairLeadsAroundDoomedNodes(interference: Int) throws {
        let shape = GraphShape(dimensions: 4, links: 8, efConstruction: 40, maximumLevel: 4)
        let rows = Rows(600, 4, .even, seed: 44)
        var inserter = try Inserter(
            PagedGraph(shape, .of(.squaredEuclidean), query: rows[0]), seed: 45)
        for row in 0..<rows.count { try inserter.insert(row, of: rows) }
        var graph = inserter.graph
        graph.interference = interference
        var random = RandomSource(seed: 46)
        for node in graph.present
        where node != graph.entryNode && Int.random(in: 0..<3, using: &random) == 0 {
            graph.bury(node)
            graph.doomed.insert(node.place)
        }
        try removeDoomed(from: &graph)
        let snapshot = graph.snapshot()
        #expect(snapshot.violations(shape).prefix(3) == [])
        #expect(Double(snapshot.reachable) >= 0.99 * Double(snapshot.nodes.count))
        for query in 0..<5 { try checkSearch(&graph, from: rows[query]) }
    }

    /// Of so many nodes hardly any link is left that leads to one that stays.
    @Test(arguments: [0, 30], [4, 16]) func whatIsLeftAfterMostHaveGoneIsConnected(
        interference: Int, links: Int
    ) throws {
        let shape = GraphShape(
            dimensions: 16, links: links, efConstruction: 10, maximumLevel: 8)
        let rows = Rows(2200, 16, .even, seed: 47)
        var inserter = try Inserter(
            PagedGraph(shape, .of(.squaredEuclidean), query: rows[0]), seed: 48)
        for row in 0..<rows.count { try inserter.insert(row, of: rows) }
        var graph = inserter.graph
        graph.interference = interference
        // Those that came last stay.
        for node in graph.present.prefix(2000) where node != graph.entryNode {
            graph.bury(node)
            graph.doomed.insert(node.place)
        }
        try removeDoomed(from: &graph)
        let snapshot = graph.snapshot()
        #expect(snapshot.violations(shape).prefix(3) == [])
        #expect(Double(snapshot.reachable) >= 0.98 * Double(snapshot.nodes.count))
    }

    /// All nodes of a plane go while others come, on two lines in it that only the plane connects.
    @Test(arguments: [0, 10, 30, 60]) func whatComesWhileAllElseGoesIsConnected(before: Int)
        throws
    {
        let shape = GraphShape(dimensions: 2, links: 4, efConstruction: 40, maximumLevel: 8)
        let rows = Rows(920, 2)
        for row in 0..<rows.count {
            let isOnLine = row >= 800
            rows.start[2 * row] = Float(row % 40)
            rows.start[2 * row + 1] = isOnLine ? Float(row % 20) : Float(row / 40)
        }
        for seed in UInt64(50)..<60 {
            var inserter = try Inserter(
                PagedGraph(shape, .of(.squaredEuclidean), query: rows[0], rowCapacity: 99),
                seed: seed)
            for row in 0..<800 { try inserter.insert(row, of: rows) }
            let old = inserter.graph.present
            for row in 800..<(800 + before) { try inserter.insert(row, of: rows) }
            for node in old {
                inserter.graph.bury(node)
                inserter.graph.doomed.insert(node.place)
            }
            for row in (800 + before)..<rows.count { try inserter.insert(row, of: rows) }
            inserter.graph.moveEntryPoint()
            try removeDoomed(from: &inserter.graph)
            let snapshot = inserter.graph.snapshot()
            #expect(snapshot.violations(shape).prefix(3) == [])
            #expect(snapshot.reachable == snapshot.nodes.count, "seed \(seed)")
        }
    }
}
