import NearestNeighbors
import PostgresServer

// The pages of a pase_ivfflat index.
//
// All are standard pages with the special space of 8 bytes that pase_hnsw's have as well:
//
//     0  u16  0xA5E1
//     2  u8   page kind: 1 = metapage, 3 = centroids, 4 = codes, 5 = vectors, 6 = codes of centroids
//     3  u8×5 0
//
// Block 0 is the metapage. Its only item:
//
//     0  u32  magic 0x46465649 ("IVFF")
//     4  u16  format version, 2
//     6  u16  dimensions; 0 until the first vector says
//     8  u32  number of lists
//    12  u8   metric (Metric.Kind)
//    13  u8   bits of a code per dimension: 1, 2 or 4
//    14  u16  0
//    16  u64  seed of the rotation
//    24  u32  block of the first page of centroids, 0 while there are no dimensions
//    28  u32  0
//
// Centroids stand in consecutive blocks, each page with as many as fit, one item each:
//
//     0  u32  first group of the list: block of a codes page, 0 = none
//     4  u32  group that the next insertion looks at first, 0 = none
//     8  u64  0
//    16  centroid, rotated, dimensions × f32
//
// After the last list's stands one more, with 0 in front, that is the mean of all. The blocks behind
// hold the codes of the centroids relative to it, so that a query need not look at each centroid. The
// only item of such a page, of N slots, as many as fit, in the order of the lists:
//
//     0  N × f32  factors and codes, as on a codes page
//
// The vectors of a list are in groups: one codes page and the vectors pages that belong to it alone.
// A vector's slot in its group is the same for its code and for its vector, and it never moves. The
// only item of a codes page, with N slots and W vectors pages as the dimensions determine:
//
//     0  u32  next group of the list, 0 = none
//     4  u32  list
//     8  u16  slots ever used
//    10  u16  slots among those that are free again
//    12  u32  0
//    16  W × u32            blocks of the vectors pages, 0 = not there yet
//    ..  N × f32  add       estimate = base + add + scale · ⟨code, query⟩
//    ..  N × f32  scale
//    ..  N × f32  error     the estimate's error for a query residual of length 1
//    ..  N × codeBytes      codes (see CodeLayout)
//    ..  N × 6    heap TIDs; offset 0 = the slot is free
//
// The vectors of a group, as they are (cosine: of length 1), stand one behind the other in the only
// items of its vectors pages, 8152 bytes each, without regard to where a page ends: the part of a
// vector that a page does not hold any more begins the next. Distances are sums over the parts.
//
// A scan reads codes pages, and vectors only where the lower bound of the estimate does not rule them
// out. It notes a row together with the row's code; a slot is used again only after vacuum has found
// the row dead, so a scan that comes late to the vector computes a distance for a row that its snapshot
// does not see.

/// Where things are in the pages of a pase_ivfflat index of given parameters.
struct IvfflatLayout {
    static let centroidsKind: UInt8 = 3
    static let codesKind: UInt8 = 4
    static let vectorsKind: UInt8 = 5
    static let centroidCodesKind: UInt8 = 6

    static let magic: UInt32 = 0x4646_5649
    static let formatVersion: UInt16 = 2
    static let metaBytes = 32
    static let centroidHeaderBytes = 16
    static let groupHeaderBytes = 16
    static let tidBytes = 6

    let dimensions: Int
    let bits: CodeBits
    /// Bytes of one code.
    let codeBytes: Int
    /// Slots of a group.
    let slots: Int
    /// Vectors pages of a full group.
    let vectorPages: Int
    let centroidsPerPage: Int
    let centroidCodesPerPage: Int

    /// Bytes of vectors in a vectors page, all of the page's item.
    static var vectorPageBytes: Int {
        (IndexPage.usableBytes(special: MetapageItem.specialBytes) - IndexPage.linePointerBytes) / 8
            * 8
    }

    /// Where the item of a vectors page begins, for prefetching.
    static var vectorsOffset: Int {
        IndexPage.size - MetapageItem.specialBytes - vectorPageBytes
    }

    init(dimensions: Int, bits: CodeBits) {
        self.dimensions = dimensions
        self.bits = bits
        codeBytes = CodeLayout.codeBytes(dimensions, bits)
        let room = IvfflatLayout.vectorPageBytes
        let perCode = CodeArrayLayout(slots: 1, codeBytes: codeBytes, hasErrors: true).slotBytes
        let perSlot = perCode + IvfflatLayout.tidBytes
        // The number of vectors pages with which a full group takes the fewest pages per vector. From
        // the one on at which the codes page is what limits it, more of them are wasted.
        var slots = 1
        var pages = (dimensions * 4 + room - 1) / room
        var candidate = pages
        var isLimitedByCodes = false
        while !isLimitedByCodes {
            let fitting = candidate * room / (dimensions * 4)
            let coded = (room - IvfflatLayout.groupHeaderBytes - candidate * 4) / perSlot
            isLimitedByCodes = coded <= fitting
            let candidateSlots = min(fitting, coded)
            if candidateSlots * (pages + 1) > slots * (candidate + 1) {
                slots = candidateSlots
                pages = candidate
            }
            candidate += 1
        }
        self.slots = slots
        vectorPages = pages
        centroidCodesPerPage = room / perCode
        centroidsPerPage = max(
            1,
            IndexPage.usableBytes(special: MetapageItem.specialBytes)
                / (IndexPage.alignedBytes(IvfflatLayout.centroidBytes(dimensions))
                    + IndexPage.linePointerBytes))
    }

    // MARK: Offsets in a codes page's item

    /// The codes of a codes page.
    var codeArray: CodeArrayLayout {
        CodeArrayLayout(slots: slots, codeBytes: codeBytes, hasErrors: true)
    }
    /// The codes of a page of centroids' codes.
    var centroidCodeArray: CodeArrayLayout {
        CodeArrayLayout(slots: centroidCodesPerPage, codeBytes: codeBytes, hasErrors: true)
    }
    var codesOffset: Int { IvfflatLayout.groupHeaderBytes + vectorPages * 4 }
    var tidsOffset: Int {
        codesOffset + codeArray.bytes
    }
    var groupBytes: Int { tidsOffset + slots * IvfflatLayout.tidBytes }

    // MARK: Centroids

    var centroidBytes: Int { IvfflatLayout.centroidBytes(dimensions) }
    private static func centroidBytes(_ dimensions: Int) -> Int {
        centroidHeaderBytes + dimensions * 4
    }

    /// Where a centroid begins on its page, which is only to be prefetched, so it need not be right.
    func centroidOffset(_ place: Int) -> Int {
        IndexPage.size - MetapageItem.specialBytes - place * IndexPage.alignedBytes(centroidBytes)
    }

    /// The most dimensions: a centroid has to fit a page.
    static var maximumDimensions: Int { (vectorPageBytes - centroidHeaderBytes) / 4 }

    /// Bits per dimension that measured best: fewer where there are more dimensions to average over.
    static func defaultBits(_ dimensions: Int) -> CodeBits {
        if dimensions <= 256 { return .four }
        return dimensions <= 768 ? .two : .one
    }
}
