import NearestNeighbors
import PostgresServer
import VectorKernels

// What belongs to one node: its vector, its rows, its upper links item.
extension HnswCheck {
    /// What is wrong with a node, nil if nothing is; collects its rows and items, and reads its vector.
    mutating func problem(ofNode place: NodeReference, _ start: UnsafeMutableRawPointer)
        throws(ServerError) -> String?
    {
        guard let graph else { return nil }
        nodeRows.count = 0
        nodeItems.count = 0
        if start.u16(2) == 0 { return "its version is 0" }
        if start.u8(7) != 0 { return "its header is invalid" }
        let reference = place.withVersion(start.u16(2))
        if let problem = try readVector(start) { return problem }
        if let problem = vectorProblem(vector, graph.shape.dimensions, graph.metric) {
            return problem
        }
        var source = memory
        for slot in 0..<Int(start.u8(6)) {
            try nodeRows.append(
                start.row(HnswLayout.inlineRowsOffset + slot * HnswLayout.placeBytes), in: &source)
        }
        if let problem = try readRows(NodeReference(raw: start.u64(8)), of: reference) {
            return problem
        }
        return try upperProblem(
            NodeReference(raw: start.u64(16)), of: reference, level: Int(start.u8(1)))
    }

    /// Reads the vector of a node.
    ///
    /// - Returns: what is wrong with it.
    mutating func readVector(_ start: UnsafeMutableRawPointer) throws(ServerError) -> String? {
        guard let graph else { return nil }
        let form = graph.layout.vector
        let kernels = graph.metric.kernels
        if form.precision == .half {
            let scale = form.scale(in: start)
            guard scale.isNormal, scale > 0, scale.significand == 1 else {
                return "the scale of its vector is not a power of two"
            }
        }
        if !form.isInParts {
            form.copy(from: start, into: vector, kernels)
        } else {
            var source = memory
            var next = form.firstPart(in: start)
            for part in 0..<form.parts {
                guard let item = try foreignItem(next, HnswLayout.partItem, size: form.partBytes),
                    Int(item.u8(1)) == part
                else { return "part \(part) of its vector is missing" }
                try nodeItems.append(next, in: &source)
                kernels.halfToFloat(
                    UnsafePointer(
                        (item + HnswLayout.partHeaderBytes).assumingMemoryBound(to: UInt16.self)),
                    form.scale(in: start), vector + part * form.componentsPerPart,
                    form.components(of: part))
                next = NodeReference(raw: item.u64(8))
            }
            if next != .none { return "its vector has too many parts" }
        }
        if form.precision == .half,
            HalfPrecision.scale(vector, form.dimensions) != form.scale(in: start)
        {
            return "the scale of its vector does not match its components"
        }
        return nil
    }

    /// The item that a reference leads to, in the other page; nil where there is none of the kind, size and
    /// version.
    func foreignItem(_ reference: NodeReference, _ kind: UInt8, size: Int?) throws(ServerError)
        -> UnsafeMutableRawPointer?
    {
        guard let meta, reference.version != 0, reference.block >= meta.firstNodeBlock,
            try pages.read(reference.block, into: other), !other.isNew,
            CheckedPages.problem(other, kind: HnswLayout.nodesKind) == nil,
            let item = try other.item(Int(reference.offset)), let start = item.baseAddress,
            item.count >= HnswLayout.upperHeaderBytes, start.u8(0) == kind,
            start.u16(2) == reference.version, size == nil || item.count == size
        else { return nil }
        return start
    }

    private mutating func readRows(_ head: NodeReference, of owner: NodeReference)
        throws(ServerError) -> String?
    {
        var source = memory
        var next = head
        while next != .none {
            for slot in 0..<nodeItems.count where nodeItems[slot].place == next.place {
                return "its list of rows leads back to itself"
            }
            guard
                let item = try foreignItem(
                    next, HnswLayout.rowsItem, size: HnswLayout.rowsItemBytes)
            else { return "its list of rows leads to \(name(next)), where there is no such item" }
            guard item.u64(8) == owner.raw else {
                return "its list of rows leads to \(name(next)), which belongs to another node"
            }
            guard Int(item.u16(4)) <= HnswLayout.rowsPerItem else {
                return "its list of rows leads to \(name(next)), which has too many rows"
            }
            try nodeItems.append(next, in: &source)
            for slot in 0..<Int(item.u16(4)) {
                try nodeRows.append(
                    item.row(HnswLayout.rowsHeaderBytes + slot * HnswLayout.placeBytes),
                    in: &source)
            }
            next = NodeReference(raw: item.u64(16))
        }
        return nil
    }

    private mutating func upperProblem(
        _ upper: NodeReference, of owner: NodeReference, level: Int
    ) throws(ServerError) -> String? {
        guard let graph else { return nil }
        guard upper != .none else {
            return level == 0 ? nil : "it is on level \(level) and has no upper links"
        }
        if level == 0 { return "it is on the ground layer, but has upper links" }
        var source = memory
        guard
            let item = try foreignItem(
                upper, HnswLayout.upperItem, size: graph.layout.upperBytes(level: level))
        else { return "its upper links are not at \(name(upper))" }
        guard item.u64(8) == owner.raw else {
            return "its upper links, at \(name(upper)), belong to another node"
        }
        guard Int(item.u8(1)) == level else {
            return "it is on level \(level), but its upper links are for level \(item.u8(1))"
        }
        try nodeItems.append(upper, in: &source)
        return nil
    }

    /// How a place is called in messages.
    func name(_ reference: NodeReference) -> String {
        "block \(reference.block), item \(reference.offset)"
    }

    /// See `CheckedIndex`.
    mutating func copyVector(at place: UInt64, into target: UnsafeMutablePointer<Float>)
        throws(ServerError) -> Bool
    {
        guard let start = try nodeItem(at: place), try readVector(start) == nil else {
            return false
        }
        target.copy(from: vector, count: graph?.shape.dimensions ?? 0)
        return true
    }

    /// The item of the node in a place, in the page that is looked at, which is read anew.
    private mutating func nodeItem(at place: UInt64) throws(ServerError) -> UnsafeMutableRawPointer?
    {
        ownBlock = nil
        let reference = NodeReference(raw: place << 16)
        guard let graph, try pages.read(reference.block, into: own), !own.isNew,
            CheckedPages.problem(own, kind: HnswLayout.nodesKind) == nil,
            let item = try own.item(Int(reference.offset)), item.count == graph.layout.nodeBytes,
            let start = item.baseAddress, start.u8(0) == HnswLayout.nodeItem,
            start.u8(6) <= HnswLayout.inlineRows
        else { return nil }
        return start
    }

    /// Reads a node and what it has anew, into the page that is looked at.
    ///
    /// - Returns: whether it is there.
    mutating func readNode(at place: UInt64) throws(ServerError) -> Bool {
        nodeRows.count = 0
        nodeItems.count = 0
        guard let start = try nodeItem(at: place) else { return false }
        _ = try problem(ofNode: NodeReference(raw: place << 16), start)
        return true
    }
}
