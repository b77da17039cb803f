import NearestNeighbors
import PostgresServer

// The pages of a pase_hnsw index.
//
// All are standard pages whose special space is 8 bytes:
//
//     0  u16  0xA5E1, the same on all our pages
//     2  u8   page kind: 1 = metapage, 2 = nodes, 7 = centre
//     3  u8   0
//     4  u16  version: goes up each time an item is removed from the page
//     6  u16  0
//
// Block 0 is the metapage. Its only item:
//
//     0  u32  magic 0x57534E48 ("HNSW")
//     4  u16  format version, 5
//     6  u16  dimensions; 0 until the first vector says
//     8  u16  links per node above the ground layer
//    10  u16  candidates of an insertion (ef_build)
//    12  u8   metric (Metric.Kind)
//    13  u8   level of the entry point
//    14  u8   bits of a code per dimension: 0 = no codes, 1, 2, 4
//    15  u8   precision of the vectors: 0 = single, 1 = half
//    16  u64  entry point (a reference; 0 = no node yet)
//    24  u32  block of the centre, 0 = the centre is zero
//    28  u16  links that a node has room for on the ground layer
//    30  u16  0
//    32  u64  seed of the rotation
//    40  f32  with vectors in half precision, a number that no vector's norm exceeds
//    44  u32  number of nodes that were far from nearly all others when they were inserted (see FarNodes)
//    48  u64  rows of the table when the graph was last mended, less two for each that was removed since
//
// The centre, only in an index with codes that was built from rows, is in block 1. Its only item is the
// mean of the rows' vectors, rotated, dimensions × f32. It never changes.
//
// A reference is block (u32) << 32 | offset (u16) << 16 | version (u16); a place, as in links, is
// 6 bytes: block (u32), offset (u16), whose highest bit says of a link that it is one of the backbone, which
// never gives way to another. A place that an item has had is used again only with a version
// that nobody remembers, so a reader that comes late knows it.
//
// The items of the other pages, each beginning with its kind and version:
//
// Node, one for each distinct vector
//     0  u8   item kind 1
//     1  u8   level
//     2  u16  version
//     4  u16  number of links on the ground layer
//     6  u8   number of rows in the item
//     7  u8   0
//     8  u64  further rows: reference of a rows item, 0 = none
//    16  u64  reference of the upper links item, 0 = none
//    24  heap TIDs, 4 places
//    48  vector (cosine: of length 1), in one of three forms:
//        single precision: dimensions × f32
//        half precision: f32 scale, then dimensions × f16, each the component divided by the scale, which
//        is a power of two
//        half precision, where a node has no room for it: f32 scale, u32 0, u64 reference of the first part
//    ..  links of the ground layer, N places, the first `number` of them in use
//    ..  in an index with codes, from the next multiple of 4 on, those of the links' ends, relative to
//        the centre: N × f32 squared norm, N × f32 scale, N × code (see CodeLayout)
//
// Upper links, one for each node above the ground layer
//     0  u8   item kind 2
//     1  u8   level of the node
//     2  u16  version
//     4  u32  0
//     8  u64  reference of the node
//    16  per level from 1: u16 number of links, then `links` places, then in an index with codes those
//        of the links' ends, as in a node with `links` for N
//
// Part of a vector, of those that do not fit a node
//     0  u8   item kind 4
//     1  u8   number of the part, from 0
//     2  u16  version
//     4  u32  0
//     8  u64  reference of the next part, 0 = none
//    16  components × f16; all parts but the last have the same number of components
//
// Rows, for nodes with more than 4
//     0  u8   item kind 3
//     1  u8   1 = closed: empty, and takes no rows any more
//     2  u16  version
//     4  u16  number of rows
//     6  u16  0
//     8  u64  reference of the node
//    16  u64  next rows item, 0 = none
//    24  heap TIDs, 60 places
//
// Numbers are in the machine's byte order, as everything in a PostgreSQL data directory.

/// Where things are in the pages of a pase_hnsw index of given parameters.
struct HnswLayout {
    static let nodesKind: UInt8 = 2
    static let centreKind: UInt8 = 7

    static let metaBlock = MetapageItem.block
    static let magic: UInt32 = 0x5753_4E48
    static let formatVersion: UInt16 = 5
    static let metaBytes = 56

    static let nodeItem: UInt8 = 1
    static let upperItem: UInt8 = 2
    static let rowsItem: UInt8 = 3
    static let partItem: UInt8 = 4

    static let placeBytes = 6
    /// In the offset of a link's place: the link is one of the backbone. No page has so many items.
    static let backboneBit: UInt16 = 1 << 15
    static let nodeHeaderBytes = 48
    static let inlineRows = 4
    static let inlineRowsOffset = 24
    static let upperHeaderBytes = 16
    static let rowsHeaderBytes = 24
    static let partHeaderBytes = 16
    static let rowsPerItem = 60
    static var rowsItemBytes: Int { rowsHeaderBytes + rowsPerItem * placeBytes }

    let shape: GraphShape
    let vector: HnswVectorForm
    /// The codes in a node item; nil for an index without codes.
    let codeArray: CodeArrayLayout?
    /// The codes of one level in an upper links item.
    let upperCodeArray: CodeArrayLayout?
    /// Size of a node item.
    private(set) var nodeBytes = 0

    init(_ shape: GraphShape, bits: CodeBits?, _ precision: HnswPrecision) {
        self.shape = shape
        vector = HnswVectorForm(
            precision, dimensions: shape.dimensions, groundLinks: shape.groundLinks)
        func array(_ slots: Int) -> CodeArrayLayout? {
            bits.map {
                CodeArrayLayout(
                    slots: slots, codeBytes: CodeLayout.codeBytes(shape.dimensions, $0),
                    hasErrors: false)
            }
        }
        codeArray = array(shape.groundLinks)
        upperCodeArray = array(shape.links)
        nodeBytes = codesOffset(0) + (codeArray?.bytes ?? 0)
    }

    /// Where the places of a level's links begin in the item that has them.
    @inline(__always)
    func placesOffset(_ level: Int) -> Int {
        level == 0 ? linksOffset : upperOffset(level) + 2
    }

    /// Where the codes of a level's links begin in the item that has them.
    @inline(__always)
    func codesOffset(_ level: Int) -> Int {
        level == 0
            ? (linksOffset + shape.groundLinks * HnswLayout.placeBytes + 3) / 4 * 4
            : placesOffset(level) + shape.links * HnswLayout.placeBytes
    }

    /// The codes of a level's links in the item that has them, nil in an index without.
    @inline(__always)
    func codes(_ level: Int, in item: UnsafeMutableRawPointer) -> CodeArray? {
        guard let array = level == 0 ? codeArray : upperCodeArray else { return nil }
        return CodeArray(item + codesOffset(level), array)
    }

    /// Changes of a page in which a link is written, at most: block and offset of its place, their number, and
    /// of its code two factors and the bits.
    static let linkChanges = 6

    /// Bytes that they write.
    var linkBytes: Int { HnswLayout.placeBytes + 2 + (codeArray?.slotBytes ?? 0) }

    /// Where a node's ground links begin.
    @inline(__always)
    var linksOffset: Int { HnswLayout.nodeHeaderBytes + vector.nodeBytes }

    /// Size of the part of one level in an upper links item.
    var upperLevelBytes: Int {
        2 + shape.links * HnswLayout.placeBytes + (upperCodeArray?.bytes ?? 0)
    }

    /// Size of the upper links item of a node.
    func upperBytes(level: Int) -> Int { HnswLayout.upperHeaderBytes + level * upperLevelBytes }

    /// Where the part of a level, from 1, begins.
    func upperOffset(_ level: Int) -> Int {
        HnswLayout.upperHeaderBytes + (level - 1) * upperLevelBytes
    }

    /// The most bytes that an item may have.
    static var largestItem: Int {
        (IndexPage.usableBytes(special: MetapageItem.specialBytes) - IndexPage.linePointerBytes) / 8
            * 8
    }

    /// The graph's shape with as many levels as an upper links item has room for.
    static func shape(
        dimensions: Int, links: Int, groundLinks: Int, efConstruction: Int, bits: CodeBits?
    ) -> GraphShape {
        let perLink = placeBytes + (bits.map { 8 + CodeLayout.codeBytes(dimensions, $0) } ?? 0)
        let levels = (largestItem - upperHeaderBytes) / (2 + links * perLink)
        return GraphShape(
            dimensions: dimensions, links: links, groundLinks: groundLinks,
            efConstruction: efConstruction, maximumLevel: max(1, min(15, levels)))
    }

    /// The number of ground links with which whole nodes fill a page: of what fits, the most nodes per page
    /// that still have most of the links wanted; nil if there is no such number.
    static func groundLinks(
        dimensions: Int, links: Int, bits: CodeBits, _ precision: HnswPrecision
    ) -> Int? {
        let wanted = links * 2
        let array = CodeArrayLayout(
            slots: 1, codeBytes: CodeLayout.codeBytes(dimensions, bits), hasErrors: false)
        let fixed = nodeHeaderBytes + HnswVectorForm.bytes(dimensions, precision) + 3
        let usable = IndexPage.usableBytes(special: MetapageItem.specialBytes)
        // Four fifths; where it is the last chance for codes, a little less.
        let enough = precision == .single ? (wanted * 4 + 4) / 5 : (wanted * 3 + 3) / 4
        // The centre has a page to itself.
        guard dimensions * 4 <= largestItem else { return nil }
        var perPage = 16
        while perPage > 0 {
            let item = (usable / perPage - IndexPage.linePointerBytes) / 8 * 8
            let fitting = (item - fixed) / (placeBytes + array.slotBytes)
            if item > fixed, fitting >= enough { return min(fitting, wanted) }
            perPage -= 1
        }
        return nil
    }

    /// Bits that measured best; nil for no codes: where there are so few dimensions that a code is hardly
    /// shorter than its vector.
    static func defaultBits(dimensions: Int) -> CodeBits? {
        if dimensions < 48 { return nil }
        return dimensions <= 200 ? .four : dimensions <= 340 ? .two : .one
    }
}

extension UnsafeMutableRawPointer {
    /// The place that a link leads to, 6 bytes, as a reference without version.
    @inline(__always)
    func place(_ offset: Int) -> NodeReference {
        NodeReference(block: u32(offset), offset: u16(offset + 4) & ~HnswLayout.backboneBit)
    }

    /// Whether a link is one of the backbone.
    @inline(__always)
    func isBackbone(_ offset: Int) -> Bool { u16(offset + 4) & HnswLayout.backboneBit != 0 }

    /// Writes a link to a reference's place.
    @inline(__always)
    func putPlace(_ reference: NodeReference, isBackbone: Bool, at offset: Int) {
        put(reference.block, at: offset)
        put(reference.offset | (isBackbone ? HnswLayout.backboneBit : 0), at: offset + 4)
    }
}
