import CPostgres
import NearestNeighbors
import PostgresServer

/// What the metapage says.
struct HnswMeta {
    var dimensions: Int
    var links: Int
    var efConstruction: Int
    var metric: Metric.Kind
    var entry: EntryPoint?

    var shape: GraphShape {
        HnswLayout.shape(dimensions: dimensions, links: links, efConstruction: efConstruction)
    }

    /// Reads the metapage of an index.
    static func read(_ index: ServerRelation) throws(ServerError) -> HnswMeta {
        let locked = try LockedPage.open(index, HnswLayout.metaBlock, .shared)
        let meta = try HnswMeta(locked.page, of: index)
        try locked.close()
        return meta
    }

    init(
        dimensions: Int, links: Int, efConstruction: Int, metric: Metric.Kind,
        entry: EntryPoint? = nil
    ) {
        self.dimensions = dimensions
        self.links = links
        self.efConstruction = efConstruction
        self.metric = metric
        self.entry = entry
    }

    /// Reads a metapage, and refuses what this version of the extension did not write.
    init(_ page: IndexPage, of index: ServerRelation) throws(ServerError) {
        guard let special = page.special(bytes: HnswLayout.specialBytes),
            special.u16(0) == HnswLayout.pageMark, special.u8(2) == HnswLayout.metaKind,
            let item = try page.item(1), item.count == HnswLayout.metaBytes,
            let start = item.baseAddress, start.u32(0) == HnswLayout.magic
        else { throw HnswMeta.unknownFormat(index) }
        guard start.u16(4) == HnswLayout.formatVersion else {
            throw ServerError(
                .featureNotSupported,
                "index \"\(index.name)\" has format version \(start.u16(4)), "
                    + "this version of pase reads version \(HnswLayout.formatVersion)",
                hint: "Please REINDEX it.")
        }
        dimensions = Int(start.u16(6))
        links = Int(start.u16(8))
        efConstruction = Int(start.u16(10))
        let level = Int(start.u8(13))
        let node = NodeReference(raw: start.u64(16))
        guard let metric = Metric.Kind(rawValue: Int32(start.u8(12))), links >= 2, links <= 128,
            efConstruction >= 1, dimensions <= HnswLayout.maximumDimensions(links: links),
            node == .none || (node.block > 0 && dimensions > 0), level <= 15
        else { throw HnswMeta.damaged(index) }
        self.metric = metric
        entry = node == .none ? nil : EntryPoint(node: node, level: level)
        guard level <= shape.maximumLevel else { throw HnswMeta.damaged(index) }
    }

    /// Writes all fields into a metapage's item.
    func write(to start: UnsafeMutableRawPointer) {
        start.put(HnswLayout.magic, at: 0)
        start.put(HnswLayout.formatVersion, at: 4)
        start.put(UInt16(truncatingIfNeeded: dimensions), at: 6)
        start.put(UInt16(truncatingIfNeeded: links), at: 8)
        start.put(UInt16(truncatingIfNeeded: efConstruction), at: 10)
        start.put(UInt8(truncatingIfNeeded: metric.rawValue), at: 12)
        start.put(UInt8(truncatingIfNeeded: entry?.level ?? 0), at: 13)
        start.put(UInt16(0), at: 14)
        start.put((entry?.node ?? .none).raw, at: 16)
        start.put(UInt64(0), at: 24)
    }

    /// Makes the metapage of a new index, which is its first block.
    func create(
        _ index: ServerRelation, fork: CPostgres.ForkNumber, _ mode: WriteMode
    ) throws(ServerError) {
        let locked = try LockedPage.extend(index, fork: fork)
        guard locked.block == HnswLayout.metaBlock else {
            throw ServerError(.internalError, "index \"\(index.name)\" is not empty")
        }
        let edit = try PageEdit(index, mode)
        let page = try edit.page(of: locked, isNew: true)
        try page.initialize(specialBytes: HnswLayout.specialBytes)
        try page.markAs(HnswLayout.metaKind)
        var failure: ServerError?
        withUnsafeTemporaryAllocation(byteCount: HnswLayout.metaBytes, alignment: 8) { bytes in
            guard let start = bytes.baseAddress else { return }
            write(to: start)
            do throws(ServerError) {
                _ = try page.add(UnsafeRawBufferPointer(bytes))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        try edit.commit()
        try locked.close()
    }

    /// Changes the metapage as `change` says, under its exclusive lock.
    static func update(
        _ index: ServerRelation, _ mode: WriteMode, _ change: (inout HnswMeta) -> Void
    ) throws(ServerError) -> HnswMeta {
        let locked = try LockedPage.open(index, HnswLayout.metaBlock, .exclusive)
        var meta = try HnswMeta(locked.page, of: index)
        change(&meta)
        let edit = try PageEdit(index, mode)
        guard let start = try edit.page(of: locked).item(1)?.baseAddress else {
            throw HnswMeta.damaged(index)
        }
        meta.write(to: start)
        try edit.commit()
        try locked.close()
        return meta
    }

    private static func unknownFormat(_ index: ServerRelation) -> ServerError {
        ServerError(
            .indexCorrupted, "index \"\(index.name)\" is not in the format of this extension",
            hint: "If it comes from the original PASE, please REINDEX it.")
    }

    private static func damaged(_ index: ServerRelation) -> ServerError {
        ServerError(
            .indexCorrupted, "the metapage of index \"\(index.name)\" is damaged",
            hint: "Please REINDEX it.")
    }
}

extension IndexPage {
    /// Fills in the special space of a new page.
    func markAs(_ kind: UInt8) throws(ServerError) {
        guard let special = special(bytes: HnswLayout.specialBytes) else {
            throw ServerError(.internalError, "a new page without special space")
        }
        special.put(HnswLayout.pageMark, at: 0)
        special.put(kind, at: 2)
        special.put(UInt8(0), at: 3)
        special.put(UInt16(1), at: 4)
        special.put(UInt16(0), at: 6)
    }
}
