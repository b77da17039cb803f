import PostgresServer

/// What the steps of a scan cost, in nanoseconds of some processor: only the relations between them count. Measured with
/// all pages in memory, and 16, 128 and 1,536 dimensions.
struct HnswScanCost {
    /// Reading a vector and its distance.
    let scoring: Int
    /// Reading a node's links.
    let links: Int
    /// Reading a node and the codes of its neighbours.
    let expansion: Int
    /// Reading a row of the table, one after the other, and its distance.
    private let row: Double

    init(_ dimensions: Int) {
        scoring = 700 &+ dimensions &* 2
        links = 2000
        expansion = 3000 &+ dimensions &* 9
        // What is longer lies in another table.
        let isInline = dimensions <= 500
        row = (isInline ? 200 : 1500) + Double(dimensions) * 2.5
    }

    /// Reading a table of so many rows.
    func table(rows: Double) -> Int { Int(exactly: min(rows * row, 1e18).rounded()) ?? .max }
}

extension HnswGraph {
    /// How long reading the whole table takes that the index belongs to.
    var timeOfTable: Int { cost.table(rows: nodeEstimate) }

    /// How long finding so many of the nearest rows takes at least.
    func timeOfRows(_ rows: Double) -> Double {
        rows * Double(codes == nil ? cost.links &+ 8 &* cost.scoring : cost.expansion)
    }

    /// About how many nodes the index has: its pages are full of nodes, if of nothing else.
    private var nodeEstimate: Double {
        let bytes = layout.nodeBytes + layout.vector.parts * layout.vector.partBytes
        return Double(blockCount) * Double(IndexPage.size) / Double(max(bytes, 1))
    }
}
