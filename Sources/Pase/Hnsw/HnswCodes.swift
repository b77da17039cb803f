import CPostgres
import NearestNeighbors
import PostgresServer

/// The codes of an index from a statement's point of view: the query against which codes are estimated, the
/// code of the query itself, which a new node's neighbours get, and the making of others.
///
/// A code is relative to the index's centre and in the rotated space; it depends on the vector alone, so it
/// is the same wherever it stands.
struct HnswCodes {
    private let encoder: VectorEncoder
    private let metric: Metric
    private let centre: UnsafeMutablePointer<Float>
    private let rotated: UnsafeMutablePointer<Float>
    private let residual: UnsafeMutablePointer<Float>
    private let ownCode: UnsafeMutablePointer<UInt8>
    private var ownFactors = CodeFactors(squaredNorm: 0, scale: 0, error: 0)
    private var hasOwnCode = false
    private(set) var query: CodeQuery
    /// Room for the estimates of a node's neighbours.
    let estimates: UnsafeMutablePointer<Float>
    /// For codes in the place of a query, and for other vectors.
    private var other: CodeQuery
    /// Room for the codes of a list of links.
    private let copies: UnsafeMutableRawPointer
    /// Whether `prepare` was called for the present query.
    private(set) var isPrepared = false

    init(
        _ index: ServerRelation, _ meta: HnswMeta, bits: CodeBits, _ metric: Metric,
        _ memory: ServerMemory
    ) throws(ServerError) {
        self.metric = metric
        encoder = try VectorEncoder(
            dimensions: meta.dimensions, bits: bits, rotationSeed: meta.rotationSeed, in: memory)
        let padded = encoder.code.paddedDimensions
        centre = try memory.allocate(padded, of: Float.self, zeroed: true)
        rotated = try memory.allocate(padded, of: Float.self, zeroed: true)
        residual = try memory.allocate(padded, of: Float.self)
        ownCode = try memory.allocate(encoder.code.codeBytes, of: UInt8.self)
        let slots = max(meta.groundLinks, meta.links)
        estimates = try memory.allocate(slots, of: Float.self)
        copies = try memory.allocate(
            bytes: slots
                * CodeArrayLayout(
                    slots: 1, codeBytes: encoder.code.codeBytes, hasErrors: false
                ).slotBytes)
        query = CodeQuery(
            encoder.code, codeKernels, components: try memory.allocate(padded, of: Int8.self))
        other = CodeQuery(
            encoder.code, codeKernels, components: try memory.allocate(padded, of: Int8.self))
        if meta.centre != 0 { try readCentre(index, meta) }
    }

    private func readCentre(_ index: ServerRelation, _ meta: HnswMeta) throws(ServerError) {
        let locked = try LockedPage.open(index, meta.centre, .shared, hints: PageHints(index))
        guard locked.page.isOurs(HnswLayout.centreKind), let item = try locked.page.item(1),
            item.count == meta.dimensions * 4, let start = item.baseAddress
        else {
            throw ServerError(
                .indexCorrupted,
                "index \"\(index.name)\" is damaged at block \(meta.centre)",
                detail: "The centre is missing.", hint: "Please REINDEX it.")
        }
        UnsafeMutableRawPointer(centre).copyMemory(from: start, byteCount: item.count)
        try locked.close()
    }

    /// Forgets the query, because there is another.
    mutating func forget() {
        isPrepared = false
        hasOwnCode = false
    }

    /// Prepares the estimation of distances from a vector. O(dimensions · log dimensions).
    mutating func prepare(_ vector: UnsafePointer<Float>) {
        isPrepared = true
        prepare(&query, vector)
    }

    private func prepare(_ query: inout CodeQuery, _ vector: UnsafePointer<Float>) {
        encoder.rotate(vector, into: rotated)
        if metric.kind == .innerProduct {
            query.prepareInnerProduct(
                rotated, base: metric.distance(centre, rotated, encoder.code.dimensions))
            return
        }
        query.layout.writeResidual(of: rotated, from: centre, into: residual)
        if metric.kind == .cosine {
            query.prepareUnit(residual)
        } else {
            query.prepareEuclidean(residual)
        }
    }

    /// Keeps a copy of a list's codes, for `measure`.
    func copy(_ codes: CodeArray) -> CodeArray {
        copies.copyMemory(from: codes.start, byteCount: codes.layout.bytes)
        return CodeArray(copies, codes.layout)
    }

    /// Estimates the distances between the ends of a list's links, from the node they belong to, and from
    /// `vector`, the query's. O(count² · dimensions), but of few bits.
    mutating func measure(
        _ codes: CodeArray, count: Int, node: UnsafePointer<Float>,
        vector: UnsafePointer<Float>, into links: MeasuredLinks
    ) {
        prepare(&other, node)
        codes.estimate(other, count: count, into: links.distances)
        if !isPrepared { prepare(vector) }
        codes.estimate(query, count: count, into: links.row(count))
        let isUnit = metric.kind == .cosine
        for slot in 1..<max(count, 1) {
            other.prepareCode(codes.code(slot), codes.factors(slot), isUnit: isUnit)
            codes.estimate(other, count: slot, into: links.row(slot))
        }
    }

    /// The code of the query's vector.
    mutating func own(_ vector: UnsafePointer<Float>) -> HnswCode {
        if !hasOwnCode {
            encoder.rotate(vector, into: rotated)
            ownFactors = encoder.encode(rotated, from: centre)
            ownCode.copy(from: encoder.bytes, count: encoder.code.codeBytes)
            hasOwnCode = true
        }
        return HnswCode(bytes: UnsafePointer(ownCode), factors: ownFactors)
    }

    /// The code of a vector, good until the next call. `scratch` is room for as many dimensions as a code
    /// has, rounded up, and zero behind the vector's.
    func code(of vector: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>) -> HnswCode {
        encoder.rotate(vector, into: scratch)
        let factors = encoder.encode(scratch, from: centre)
        return HnswCode(bytes: UnsafePointer(encoder.bytes), factors: factors)
    }

    /// Room for `code(of:scratch:)`.
    func makeScratch(_ memory: ServerMemory) throws(ServerError) -> UnsafeMutablePointer<Float> {
        try memory.allocate(encoder.code.paddedDimensions, of: Float.self, zeroed: true)
    }
}

/// A code and its factors.
struct HnswCode {
    let bytes: UnsafePointer<UInt8>
    let factors: CodeFactors
}

/// A list of links as it is to be written, with the codes of their ends.
struct HnswCodedLinks {
    let links: UnsafeMutablePointer<NodeReference>
    private let isBackbone: UnsafeMutablePointer<Bool>
    /// Room for the codes of as many links as a node has; nil in an index without codes.
    let codes: CodeArray?
    private let level: Int
    private(set) var count = 0

    init(_ layout: HnswLayout, level: Int, _ memory: ServerMemory) throws(ServerError) {
        self.level = level
        links = try memory.allocate(layout.shape.capacity(level), of: NodeReference.self)
        isBackbone = try memory.allocate(layout.shape.capacity(level), of: Bool.self)
        var array: CodeArray?
        if let codeArray = level == 0 ? layout.codeArray : layout.upperCodeArray {
            array = CodeArray(try memory.allocate(bytes: codeArray.bytes, zeroed: true), codeArray)
        }
        codes = array
    }

    mutating func append(_ link: ScoredNode, _ code: HnswCode?) {
        links[count] = link.node
        isBackbone[count] = link.isBackbone
        if let code { codes?.write(code.bytes, code.factors, slot: count) }
        count += 1
    }

    /// Adds a link whose code is there already.
    mutating func append(_ link: ScoredNode, from others: CodeArray, slot: Int) {
        links[count] = link.node
        isBackbone[count] = link.isBackbone
        codes?.copy(count, from: others, slot: slot)
        count += 1
    }

    /// Writes links and codes into the item that has those of the level.
    func write(to item: UnsafeMutableRawPointer, _ layout: HnswLayout) {
        for slot in 0..<count {
            item.putPlace(
                links[slot], isBackbone: isBackbone[slot],
                at: layout.placesOffset(level) + slot * HnswLayout.placeBytes)
        }
        if let codes {
            (item + layout.codesOffset(level)).copyMemory(
                from: codes.start, byteCount: codes.layout.bytes)
        }
    }

    func free(_ memory: ServerMemory) {
        memory.free(links)
        memory.free(isBackbone)
        if let codes { memory.free(codes.start) }
    }
}
