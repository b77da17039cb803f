import NearestNeighbors
import PostgresServer

/// The graph of an index with numbers for all items of its pages, which are nodes for the most part. Items that come later
/// have none.
struct HnswNumberedGraph: NumberedGraph {
    typealias Failure = ServerError

    var graph: HnswGraph
    private let numbers: PlaceNumbers
    private let list: UnsafeMutablePointer<NodeReference>
    /// The nodes that have rows.
    let living: FixedBits

    /// Numbers the items, of which there may be so many that the memory for it is more than is to be had.
    ///
    /// - Parameter bytes: the most that may be taken.
    /// - Returns: nil, and nothing is done, if that is too little.
    init?(_ graph: HnswGraph, bytes: Int) throws(ServerError) {
        self.graph = graph
        let index = graph.index
        let pages = Int(try index.blockCount()) - Int(graph.firstNodeBlock)
        let perPage = max(IndexPage.size / max(graph.layout.nodeBytes, 1), 1) + 1
        // 4 bytes for each page, and for each item its number in a list that doubles, and the bits of the living ones and of
        // what is reached.
        guard pages > 0, pages * 4 + pages * perPage * 9 <= bytes else { return nil }
        list = try graph.memory.allocate(
            max(graph.shape.groundLinks, 1), of: NodeReference.self)
        var source = graph.memory
        var numbers = try PlaceNumbers(from: Int(graph.firstNodeBlock), pages: pages, in: &source)
        var live = try GrowableArray<UInt32>(capacity: pages, in: &source)
        for page in 0..<pages {
            try checkInterrupts()
            let block = graph.firstNodeBlock + UInt32(truncatingIfNeeded: page)
            let locked = try LockedPage.open(index, block, .shared)
            let count = locked.page.isNew ? 0 : locked.page.itemCount
            let first = numbers.count
            if numbers.append(count) {
                for offset in 0..<count {
                    let place = NodeReference(
                        block: block, offset: UInt16(truncatingIfNeeded: offset + 1))
                    if let node = try graph.node(place, in: locked.page), HnswGraph.isLive(node) {
                        try live.append(UInt32(truncatingIfNeeded: first + offset), in: &source)
                    }
                }
            }
            try locked.close()
        }
        living = try FixedBits(numbers.count, in: &source)
        for node in 0..<live.count { _ = living.insert(Int(live[node])) }
        try live.free(in: &source)
        self.numbers = numbers
    }

    var nodeCount: Int { numbers.count }
    var mostLinks: Int { graph.shape.groundLinks }

    func reference(of number: Int) -> NodeReference {
        let place = numbers.place(number)
        return NodeReference(
            block: UInt32(truncatingIfNeeded: place.page),
            offset: UInt16(truncatingIfNeeded: place.place))
    }

    func number(of node: NodeReference) -> Int? {
        numbers.number(page: Int(node.block), place: Int(node.offset))
    }

    mutating func links(of number: Int, into target: UnsafeMutablePointer<UInt32>)
        throws(ServerError) -> Int
    {
        let count = try graph.neighbors(of: reference(of: number), level: 0, into: list)
        var written = 0
        for slot in 0..<count {
            guard let end = self.number(of: list[slot]) else { continue }
            target[written] = UInt32(truncatingIfNeeded: end)
            written += 1
        }
        return written
    }

    mutating func allocate(bytes count: Int) throws(ServerError) -> UnsafeMutableRawPointer {
        try graph.allocate(bytes: count)
    }

    mutating func release(_ pointer: UnsafeMutableRawPointer) throws(ServerError) {
        try graph.release(pointer)
    }
}
