import VectorKernels

@testable import NearestNeighbors

/// Memory that is given back when the last user of the pool is gone.
struct PooledMemory: MemorySource {
    private final class Pool {
        var blocks: [UnsafeMutableRawPointer] = []
        deinit { for block in blocks { block.deallocate() } }
    }

    private let pool = Pool()

    func allocate(bytes count: Int) throws(Never) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
        // What is read before it is written should not happen to be 0.
        block.initializeMemory(as: UInt8.self, repeating: 0xA5, count: count)
        pool.blocks.append(block)
        return block
    }

    func release(_ memory: UnsafeMutableRawPointer) throws(Never) {}
}

/// Vectors, one behind the other.
final class Rows {
    /// How the vectors of a test are spread.
    enum Spread: CaseIterable { case even, clustered, grid, fewDistinct, equal, withZeros }

    let dimensions: Int
    let count: Int
    let start: UnsafeMutablePointer<Float>

    init(_ count: Int, _ dimensions: Int) {
        self.count = count
        self.dimensions = dimensions
        start = .allocate(capacity: max(count * dimensions, 1))
        start.initialize(repeating: 0, count: count * dimensions)
    }

    convenience init(_ count: Int, _ dimensions: Int, _ spread: Spread, seed: UInt64) {
        self.init(count, dimensions)
        var random = RandomSource(seed: seed)
        let centres = (0..<(spread == .fewDistinct ? 50 : 10)).map { _ in
            (0..<dimensions).map { _ in Float.random(in: -1...1, using: &random) }
        }
        for row in 0..<count {
            let centre = centres[Int.random(in: 0..<centres.count, using: &random)]
            let isZero = spread == .withZeros && Int.random(in: 0..<5, using: &random) == 0
            for element in 0..<dimensions {
                let value: Float =
                    switch spread {
                    case .even: .random(in: -1...1, using: &random)
                    case .clustered:
                        centre[element] + .random(in: -0.05...0.05, using: &random)
                    case .grid: Float(Int.random(in: 0...3, using: &random))
                    case .fewDistinct: centre[element]
                    case .equal: centres[0][element]
                    case .withZeros: isZero ? 0 : .random(in: -1...1, using: &random)
                    }
                start[row * dimensions + element] = value
            }
        }
    }

    deinit { start.deallocate() }

    subscript(row: Int) -> UnsafePointer<Float> { UnsafePointer(start + row * dimensions) }

    func normalize(with metric: Metric) {
        guard metric.normalizes else { return }
        for row in 0..<count { metric.normalize(start + row * dimensions, dimensions) }
    }

    func elements(of row: Int) -> [Float] {
        Array(UnsafeBufferPointer(start: self[row], count: dimensions))
    }

    /// The distances of all rows from a vector, nearest first.
    func sortedDistances(from vector: UnsafePointer<Float>, _ metric: Metric) -> [Float] {
        (0..<count).map { metric.distance(vector, self[$0], dimensions) }.sorted()
    }
}

extension Metric {
    static func of(_ kind: Kind) -> Metric { Metric(kind, .best()) }
}

typealias TestGraph = MemoryGraph<PooledMemory>

/// A graph that can be asked for all its nodes, by number.
protocol InspectableGraph: MutableNeighborGraph {
    func snapshot() -> GraphSnapshot
}

/// What a graph consists of, whatever its storage: nodes are numbers from 0.
struct GraphSnapshot: Equatable {
    struct Node: Equatable {
        var level: Int
        /// Per level the nodes that links lead to.
        var links: [[Int]]
        var rows: [UInt64]
    }

    var nodes: [Node]
    var entry: Int?
    var entryLevel: Int?

    /// What is wrong with the graph; empty if nothing is.
    func violations(_ shape: GraphShape) -> [String] {
        var found: [String] = []
        for (index, node) in nodes.enumerated() {
            for (level, list) in node.links.enumerated() {
                let name = "node \(index), level \(level)"
                if list.count > shape.capacity(level) { found.append("\(name): too many links") }
                if list.contains(index) { found.append("\(name): a link to itself") }
                if Set(list).count < list.count { found.append("\(name): a link twice") }
                for target in list {
                    if !nodes.indices.contains(target) {
                        found.append("\(name): a link to nothing")
                    } else if nodes[target].level < level {
                        found.append("\(name): a link to a node without the level")
                    }
                }
            }
            if node.links.count != node.level + 1 { found.append("node \(index): lists missing") }
        }
        let top = nodes.map(\.level).max()
        if entryLevel != top { found.append("the entry point's level is not the highest") }
        if let entry, nodes[entry].level != top { found.append("the entry point is too low") }
        return found
    }

    /// The number of nodes that can be reached on the ground layer from the entry point.
    var reachable: Int {
        guard let entry else { return 0 }
        var seen = [Bool](repeating: false, count: nodes.count)
        var open = [entry]
        seen[entry] = true
        var count = 0
        while let node = open.popLast() {
            count += 1
            for next in nodes[node].links[0] where !seen[next] {
                seen[next] = true
                open.append(next)
            }
        }
        return count
    }

    /// All rows, each as often as it is stored.
    var rows: [UInt64] { nodes.flatMap(\.rows).sorted() }
}

extension MemoryGraph: InspectableGraph {
    func snapshot() -> GraphSnapshot {
        GraphSnapshot(
            nodes: (0..<count).map { index in
                let level = level(at: index)
                var rows: [UInt64] = []
                var cursor: UInt32 = 0
                while let row = nextRow(at: index, cursor: &cursor) { rows.append(row) }
                return .init(
                    level: level,
                    links: (0...level).map { level in
                        (0..<linkCount(at: index, level: level)).map {
                            link(at: index, level: level, slot: $0)
                        }
                    },
                    rows: rows.sorted())
            }, entry: entryIndex?.index, entryLevel: entryIndex?.level)
    }

    /// Whether the distances and notes that the graph keeps are what computing them anew gives.
    mutating func keepsTrueNumbers() -> Bool {
        let room = shape.groundLinks + 1
        var memory = PooledMemory()
        let eviction = LinkEviction(capacity: room, in: &memory)
        var vectors = [UnsafePointer<Float>?](repeating: nil, count: room)
        var rounded = [UnsafeRawPointer?](repeating: nil, count: room)
        for index in 0..<count {
            let node = NodeReference(block: UInt32(index + 1), offset: 0)
            for level in 0...level(at: index) {
                let count = linkCount(at: index, level: level)
                guard (try? keptDistances(of: node, level: level, into: eviction.distances)) == true
                else { return false }
                for slot in 0..<count {
                    let end = vector(at: link(at: index, level: level, slot: slot))
                    vectors[slot] = end
                    rounded[slot] = coarseVector(
                        of: self.node(at: link(at: index, level: level, slot: slot)))
                    let distance = metric.distance(vector(at: index), end, shape.dimensions)
                    if distance != eviction.distances[slot] { return false }
                }
                let isRounded = hasCoarseCovers(index, level)
                guard let covers = linkCovers(of: node, level: level, coarse: isRounded),
                    covers.areKnown
                else { continue }
                if isRounded, let coarseVectors {
                    rounded.withUnsafeBufferPointer { rounded in
                        guard let start = rounded.baseAddress else { return }
                        eviction.measure(
                            CoarseEnds(vectors: start, coarse: coarseVectors, kind: metric.kind),
                            count: count, into: eviction.covers)
                    }
                } else {
                    vectors.withUnsafeMutableBufferPointer { vectors in
                        guard let start = vectors.baseAddress else { return }
                        eviction.measure(
                            VectorEnds(
                                vectors: start, metric: metric, dimensions: shape.dimensions),
                            count: count, into: eviction.covers)
                    }
                }
                for slot in 0..<count
                where covers.distances[slot] != eviction.covers.distances[slot] { return false }
            }
        }
        return true
    }
}

/// Builds a graph in memory: row number i is vector i.
func buildGraph(_ rows: Rows, _ shape: GraphShape, _ metric: Metric, seed: UInt64) -> TestGraph {
    var graph = TestGraph(shape, metric, query: rows[0], memory: PooledMemory())
    var insertion = GraphInsertion(shape, in: &graph)
    var random = RandomSource(seed: seed)
    for row in 0..<rows.count {
        graph.currentRow = UInt64(row)
        graph.query = rows[row]
        _ = insertion.insert(rows[row], level: shape.randomLevel(using: &random), into: &graph)
    }
    return graph
}

/// Everything that a search answers, at most `limit` nodes.
func answers<Graph: NeighborGraph>(
    in graph: inout Graph, ef: Int, limit: Int = .max
) throws(Graph.Failure) -> [ScoredNode] {
    var search = try IncrementalSearch(graph.shape, ef: ef, in: &graph)
    try search.begin(in: &graph)
    var found: [ScoredNode] = []
    while found.count < limit, let node = try search.next(in: &graph) { found.append(node) }
    return found
}

/// All that a search answers, and how many nodes it finds too late.
func answersAndLate<Graph: NeighborGraph>(
    in graph: inout Graph, ef: Int
) throws(Graph.Failure) -> (found: [ScoredNode], late: Int) {
    var search = try IncrementalSearch(graph.shape, ef: ef, in: &graph)
    try search.begin(in: &graph)
    var found: [ScoredNode] = []
    while let node = try search.next(in: &graph) { found.append(node) }
    return (found, search.lateCount)
}
