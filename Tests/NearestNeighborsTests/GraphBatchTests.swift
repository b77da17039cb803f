import Testing
import VectorKernels

@testable import NearestNeighbors

/// Memory that knows how much of it is in use, and fills it with rubbish.
private struct CountedMemory: MemorySource {
    private final class Blocks { var sizes: [UnsafeMutableRawPointer: Int] = [:] }

    private let blocks = Blocks()

    var bytesInUse: Int { blocks.sizes.values.reduce(0, +) }

    func allocate(bytes count: Int) throws(Never) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
        block.initializeMemory(as: UInt8.self, repeating: 0xA5, count: count)
        blocks.sizes[block] = count
        return block
    }

    func release(_ memory: UnsafeMutableRawPointer) throws(Never) {
        #expect(blocks.sizes.removeValue(forKey: memory) != nil)
        memory.deallocate()
    }
}

/// The construction of a graph in batches, by participants that take turns as chance has it.
@Suite struct GraphBatchTests {
    /// A graph in a region, and how large that is.
    private struct Built {
        var graph: TestGraph
        let region: UnsafeMutableRawPointer
        let bytes: Int
    }

    private func build(
        _ rows: Rows, _ shape: GraphShape, _ metric: Metric, participants: Int, seed: UInt64
    ) -> Built {
        var random = RandomSource(seed: seed)
        var memory = PooledMemory()
        var collection = VectorCollection(dimensions: rows.dimensions, in: &memory)
        for row in 0..<rows.count {
            collection.append(
                rows[row], row: UInt64(row), level: shape.randomLevel(using: &random), in: &memory)
        }
        collection.joinEqual(in: &memory) {}
        let nodes = collection.nodes
        let bytes = TestGraph.regionBytes(
            shape, nodes: nodes, rows: rows.count, upperLevels: collection.upperLevels)
        // What lies behind the region is to stay what it is.
        let region = memory.allocate(bytes: bytes + 64)
        var views = (0..<participants).map { number in
            TestGraph(
                shape, metric, in: region, nodes: nodes, rows: rows.count, isFilled: number > 0,
                memory: memory)
        }
        for index in 0..<collection.count {
            let item = collection[index]
            views[0].currentRow = item.row
            views[0].query = item.vector
            if item.node == views[0].count {
                let index = views[0].addUnlinkedNode(level: item.level)
                #expect(index == item.node)
            } else {
                let isAdded = views[0].addRow(to: views[0].node(at: item.node))
                #expect(isAdded)
            }
        }
        var builders = views.indices.map {
            BatchConstruction(GraphInsertion(shape, in: &views[$0]), nodes: nodes)
        }
        var turns = RandomSource(seed: UInt64(participants))
        var first = 0
        while first < nodes {
            let batch = BatchConstruction.batch(from: first, of: nodes)
            #expect(!batch.isEmpty && batch.lowerBound == first)
            for index in batch.shuffled(using: &turns) {
                let turn = Int.random(in: 0..<participants, using: &turns)
                builders[turn].link(index, in: &views[turn])
            }
            for part in (0..<BatchConstruction.parts).shuffled(using: &turns) {
                let turn = Int.random(in: 0..<participants, using: &turns)
                builders[turn].linkBack(batch, part: part, in: &views[turn])
            }
            for turn in views.indices { builders[turn].finish(batch, in: &views[turn]) }
            first = batch.upperBound
        }
        #expect((0..<64).allSatisfy { (region + bytes + $0).load(as: UInt8.self) == 0xA5 })
        #expect(views.allSatisfy { $0.entryIndex?.index == views[0].entryIndex?.index })
        #expect(views.allSatisfy { rowLists(of: $0) == rowLists(of: views[0]) })
        return Built(graph: views[0], region: region, bytes: bytes)
    }

    /// The rows of each node.
    private func rowLists(of graph: TestGraph) -> [[UInt64]] {
        (0..<graph.count).map { node in
            var cursor: UInt32 = 0
            var rows: [UInt64] = []
            while let row = graph.nextRow(at: node, cursor: &cursor) { rows.append(row) }
            return rows
        }
    }

    @Test(arguments: 0..<24) func whatHoldsInEveryGraph(seed: Int) {
        var random = RandomSource(seed: UInt64(seed))
        let shape = GraphShape(
            dimensions: [1, 2, 7, 16, 128].randomElement(using: &random) ?? 1,
            links: [2, 3, 5, 16].randomElement(using: &random) ?? 2,
            efConstruction: [1, 4, 16, 64].randomElement(using: &random) ?? 1,
            maximumLevel: [0, 2, 15].randomElement(using: &random) ?? 15)
        let kinds: [Metric.Kind] = [.squaredEuclidean, .innerProduct, .cosine]
        let metric = Metric.of(kinds[seed % 3])
        let spread = Rows.Spread.allCases[seed % Rows.Spread.allCases.count]
        let rows = Rows(
            Int.random(in: 1...700, using: &random), shape.dimensions, spread, seed: random.next())
        rows.normalize(with: metric)
        var built = build(rows, shape, metric, participants: 1 + seed % 4, seed: random.next())
        let snapshot = built.graph.snapshot()
        #expect(snapshot.violations(shape).prefix(3) == [])
        #expect(snapshot.rows == (0..<UInt64(rows.count)).map { $0 })
        #expect(built.graph.rowCount == rows.count)
        let areTrue = built.graph.keepsTrueNumbers()
        #expect(areTrue)
        // Each vector has one node, that of the first row.
        let distinct = Set((0..<rows.count).map { rows.elements(of: $0).map { $0 + 0 } })
        #expect(snapshot.nodes.count == distinct.count)
        for (index, node) in snapshot.nodes.enumerated() {
            let vector = Array(
                UnsafeBufferPointer(start: built.graph.vector(at: index), count: shape.dimensions))
            #expect(node.rows.allSatisfy { rows.elements(of: Int($0)) == vector })
        }
    }

    @Test func participantsMakeNoDifference() {
        let shape = GraphShape(dimensions: 8, links: 5, efConstruction: 24)
        let metric = Metric.of(.squaredEuclidean)
        let rows = Rows(3000, 8, .clustered, seed: 31)
        let alone = build(rows, shape, metric, participants: 1, seed: 32).graph.snapshot()
        #expect(alone.nodes.count == 3000)
        for participants in 2...4 {
            let together = build(rows, shape, metric, participants: participants, seed: 32)
            #expect(together.graph.snapshot() == alone)
        }
    }

    @Test func anotherAddressShowsTheSameGraph() {
        let shape = GraphShape(dimensions: 5, links: 4, efConstruction: 16)
        let metric = Metric.of(.squaredEuclidean)
        let rows = Rows(2000, 5, .even, seed: 33)
        let built = build(rows, shape, metric, participants: 2, seed: 34)
        let memory = PooledMemory()
        let copy = memory.allocate(bytes: built.bytes)
        copy.copyMemory(from: built.region, byteCount: built.bytes)
        let original = built.graph.snapshot()
        built.region.initializeMemory(as: UInt8.self, repeating: 0xFF, count: built.bytes)
        var view = TestGraph(
            shape, metric, in: copy, nodes: 2000, rows: 2000, isFilled: true,
            memory: PooledMemory())
        BatchConstruction(GraphInsertion(shape, in: &view), nodes: 2000).finish(0..<2000, in: &view)
        #expect(view.snapshot() == original)
        #expect(original.nodes.contains { $0.level > 1 })
    }

    @Test(
        arguments: [Metric.Kind.squaredEuclidean, .innerProduct, .cosine],
        [Rows.Spread.even, .clustered])
    func asMuchIsFoundAsAfterSingleInsertions(kind: Metric.Kind, spread: Rows.Spread) {
        let metric = Metric.of(kind)
        let shape = GraphShape(dimensions: 16, links: 8, efConstruction: 40)
        let rows = Rows(6000, 16, spread, seed: 35)
        rows.normalize(with: metric)
        let queries = Rows(200, 16, spread, seed: 35)
        for element in 0..<200 * 16 { queries.start[element] += Float(element % 7) * 0.001 }
        queries.normalize(with: metric)
        func recall(_ graph: inout TestGraph) -> Double {
            var hits = 0
            for query in 0..<queries.count {
                graph.query = queries[query]
                let nearest = rows.sortedDistances(from: queries[query], metric)
                hits += answers(in: &graph, ef: 40, limit: 10).count { $0.distance <= nearest[9] }
            }
            return Double(hits) / 2000
        }
        var single = buildGraph(rows, shape, metric, seed: 36)
        var batched = build(rows, shape, metric, participants: 3, seed: 36).graph
        let (before, after) = (recall(&single), recall(&batched))
        #expect(after > before - 0.015, "\(after) after \(before)")
        if kind != .innerProduct {
            #expect(batched.snapshot().reachable >= single.snapshot().reachable - 6)
        }
    }

    @Test func batchesGrowAndLeaveNothingOut() {
        var first = 0
        var longest = 0
        while first < 1_000_000 {
            let batch = BatchConstruction.batch(from: first, of: 1_000_000)
            #expect(batch.lowerBound == first && batch.count >= 1)
            #expect(batch.count <= max(1, first / 32))
            longest = max(longest, batch.count)
            first = batch.upperBound
        }
        #expect(first == 1_000_000 && longest == 4096)
        #expect(BatchConstruction.batch(from: 0, of: 0).isEmpty)
    }

    @Test(arguments: [0, 1, 5, 3000]) func aCollectionGivesBackWhatItTook(count: Int) {
        let dimensions = 33
        let rows = Rows(count, dimensions, .fewDistinct, seed: 37)
        if count > 3 {
            for element in 0..<dimensions {
                rows.start[2 * dimensions + element] = 0
                rows.start[3 * dimensions + element] = element == 7 ? -0.0 : 0
            }
        }
        var memory = CountedMemory()
        var collection = VectorCollection(dimensions: dimensions, in: &memory)
        for row in 0..<count {
            collection.append(rows[row], row: UInt64(row) << 20, level: row % 5, in: &memory)
        }
        #expect(collection.count == count && collection.nodes == count)
        #expect(collection.upperLevels == (0..<count).reduce(0) { $0 + $1 % 5 })
        #expect(memory.bytesInUse >= count * (dimensions * 4 + 16))
        #expect(collection.bytesUsed <= memory.bytesInUse)
        collection.joinEqual(in: &memory) {}
        var numbers: [[Float]: Int] = [:]
        var levels = 0
        for row in 0..<count {
            let item = collection[row]
            let vector = rows.elements(of: row).map { $0 + 0 }
            #expect(item.row == UInt64(row) << 20 && item.level == row % 5)
            #expect((0..<dimensions).allSatisfy { item.vector[$0] == vector[$0] })
            if let node = numbers[vector] {
                #expect(item.node == node)
            } else {
                #expect(item.node == numbers.count)
                numbers[vector] = item.node
                levels += item.level
            }
            let before = memory.bytesInUse
            collection.release(upTo: row, in: &memory)
            #expect(memory.bytesInUse <= before)
        }
        #expect(collection.nodes == numbers.count && collection.upperLevels == levels)
        if count > 0 { #expect(memory.bytesInUse == 0) }
    }
}
