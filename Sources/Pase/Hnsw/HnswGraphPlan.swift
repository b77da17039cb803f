import NearestNeighbors
import PostgresServer

/// Where the items of a graph from memory will stand in a new index, so that its pages can be written in any order and by
/// several processes. Nodes come first, in the order in which they were inserted. Then come the upper links, close
/// together, because each search begins with them, then the parts of vectors that do not fit a node. All versions are 1,
/// a new page's.
struct HnswGraphPlan: BitwiseCopyable {
    /// Where the centre of the codes stands, before all nodes.
    static let centreBlock: UInt32 = 1

    private let firstNodeBlock: UInt32
    private let firstUpperBlock: UInt32
    private let firstPartBlock: UInt32
    private let end: UInt32
    private let nodes: Int
    private let nodesPerPage: Int
    private let partsPerNode: Int
    private let partsPerPage: Int

    /// Notes in the graph where each node and each upper links item will stand. O(nodes).
    ///
    /// - Parameter start: the first block that is free for nodes.
    init(_ graph: MemoryGraph<ServerMemory>, _ layout: HnswLayout, from start: UInt32) {
        nodes = graph.count
        nodesPerPage = Self.perPage(layout.nodeBytes)
        partsPerNode = layout.vector.isInParts ? layout.vector.parts : 0
        partsPerPage = Self.perPage(layout.vector.partBytes)
        firstNodeBlock = start
        firstUpperBlock = start &+ Self.pages(nodes, nodesPerPage)
        var cursor = Cursor(block: firstUpperBlock)
        for node in 0..<nodes {
            let level = graph.level(at: node)
            let upper: NodeReference =
                level > 0 ? cursor.next(layout.upperBytes(level: level)) : .none
            let place = Self.place(node, perPage: nodesPerPage, from: start)
            graph.setPlace(at: node, place, upper: upper)
        }
        firstPartBlock = cursor.end
        end = firstPartBlock &+ Self.pages(nodes * partsPerNode, partsPerPage)
    }

    /// The blocks of nodes.
    var nodeBlocks: Range<UInt32> { firstNodeBlock..<firstUpperBlock }

    /// Adds all the pages to the index, still empty.
    func addPages(to index: ServerRelation) throws(ServerError) {
        let present = try index.blockCount()
        if present < end { try PostgresServer.addPages(end - present, to: index) }
    }

    /// The nodes of a block.
    func nodes(in block: UInt32) -> Range<Int> {
        let first = Int(block - firstNodeBlock) * nodesPerPage
        return first..<min(first + nodesPerPage, nodes)
    }

    /// Where a part of a node's vector will stand, none where vectors have no parts.
    func place(ofPart part: Int, of node: Int) -> NodeReference {
        guard part < partsPerNode else { return .none }
        return Self.place(node * partsPerNode + part, perPage: partsPerPage, from: firstPartBlock)
    }

    /// How many items of a size a page has room for.
    private static func perPage(_ bytes: Int) -> Int {
        max(Cursor.room / Cursor.roomTaken(bytes), 1)
    }

    private static func pages(_ items: Int, _ perPage: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: (items + perPage - 1) / perPage)
    }

    private static func place(_ index: Int, perPage: Int, from block: UInt32) -> NodeReference {
        NodeReference(
            block: block &+ UInt32(truncatingIfNeeded: index / perPage),
            offset: UInt16(truncatingIfNeeded: index % perPage + 1), version: 1)
    }

    /// Puts items of different sizes one behind the other.
    private struct Cursor {
        static var room: Int { IndexPage.usableBytes(special: MetapageItem.specialBytes) }

        private var block: UInt32
        private var free = Cursor.room
        private var count: UInt16 = 0

        init(block: UInt32) { self.block = block }

        /// Behind the last block that has items.
        var end: UInt32 { count == 0 ? block : block &+ 1 }

        static func roomTaken(_ bytes: Int) -> Int {
            IndexPage.alignedBytes(bytes) + IndexPage.linePointerBytes
        }

        mutating func next(_ bytes: Int) -> NodeReference {
            let needed = Cursor.roomTaken(bytes)
            if free < needed {
                block &+= 1
                free = Cursor.room
                count = 0
            }
            free -= needed
            count &+= 1
            return NodeReference(block: block, offset: count, version: 1)
        }
    }
}
