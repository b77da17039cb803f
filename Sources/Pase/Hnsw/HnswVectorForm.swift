import NearestNeighbors
import PostgresServer
import VectorKernels

/// How exactly an index keeps its vectors.
enum HnswPrecision: UInt8 {
    case single = 0
    /// See `HalfPrecision`. Scans answer with lower bounds then, and the executor computes the distances.
    case half = 1
}

/// How a node has its vector; see HnswLayout.swift.
struct HnswVectorForm {
    let precision: HnswPrecision
    let dimensions: Int
    /// Whether the vector lies in items of its own.
    let isInParts: Bool
    /// Parts of a vector, and components of all but the last.
    let parts: Int
    let componentsPerPart: Int

    /// Bytes of the scale.
    private static let scaleBytes = 4
    /// Bytes of the scale and the reference of the first part.
    private static let referenceBytes = 16
    private static let firstPartOffset = HnswLayout.nodeHeaderBytes + 8

    init(_ precision: HnswPrecision, dimensions: Int, groundLinks: Int) {
        self.precision = precision
        self.dimensions = dimensions
        let node =
            HnswLayout.nodeHeaderBytes + HnswVectorForm.bytes(dimensions, precision)
            + groundLinks * HnswLayout.placeBytes
        isInParts = precision == .half && node > HnswLayout.largestItem
        guard isInParts else {
            parts = 0
            componentsPerPart = 0
            return
        }
        // Evenly, in whole registers, of which a part has to have room for each.
        let most = (HnswLayout.largestItem - HnswLayout.partHeaderBytes) / 2 / 16 * 16
        parts = (dimensions + most - 1) / most
        componentsPerPart = ((dimensions + parts - 1) / parts + 15) / 16 * 16
    }

    /// Bytes of a vector that lies in its node.
    static func bytes(_ dimensions: Int, _ precision: HnswPrecision) -> Int {
        precision == .single ? dimensions * 4 : scaleBytes + dimensions * 2
    }

    /// Bytes of what a node has in the vector's place.
    @inline(__always)
    var nodeBytes: Int {
        isInParts
            ? HnswVectorForm.referenceBytes : HnswVectorForm.bytes(dimensions, precision)
    }

    /// Bytes of each item with a part.
    var partBytes: Int { HnswLayout.partHeaderBytes + componentsPerPart * 2 }

    /// The components of a part.
    @inline(__always)
    func components(of part: Int) -> Int {
        min(componentsPerPart, dimensions - part * componentsPerPart)
    }

    // MARK: Reading

    /// The scale of the vector in half precision that a node has.
    @inline(__always)
    func scale(in node: UnsafeMutableRawPointer) -> Float {
        node.f32(HnswLayout.nodeHeaderBytes)
    }

    /// The first part of a node's vector.
    @inline(__always)
    func firstPart(in node: UnsafeMutableRawPointer) -> NodeReference {
        NodeReference(raw: node.u64(HnswVectorForm.firstPartOffset))
    }

    @inline(__always)
    private func halves(in node: UnsafeMutableRawPointer) -> UnsafePointer<UInt16> {
        UnsafePointer(
            (node + HnswLayout.nodeHeaderBytes + HnswVectorForm.scaleBytes)
                .assumingMemoryBound(to: UInt16.self))
    }

    /// The distance of a query to the vector in a node.
    @inline(__always)
    func distance(
        _ query: UnsafePointer<Float>, to node: UnsafeMutableRawPointer, _ metric: Metric
    ) -> Float {
        if precision == .single {
            return metric.distance(
                query,
                (node + HnswLayout.nodeHeaderBytes).assumingMemoryBound(to: Float.self),
                dimensions)
        }
        return metric.distance(
            query, halves: halves(in: node), scale: scale(in: node), dimensions)
    }

    /// Copies the vector in a node.
    @inline(__always)
    func copy(
        from node: UnsafeMutableRawPointer, into vector: UnsafeMutablePointer<Float>,
        _ kernels: KernelTable
    ) {
        if precision == .single {
            UnsafeMutableRawPointer(vector).copyMemory(
                from: node + HnswLayout.nodeHeaderBytes, byteCount: dimensions * 4)
        } else {
            kernels.halfToFloat(halves(in: node), scale(in: node), vector, dimensions)
        }
    }

    // MARK: Writing

    /// Writes a vector, which is what the index can keep (see `HnswRounding`), into a node.
    ///
    /// - Parameters:
    ///   - room: as many floats.
    ///   - firstPart: where the vector lies, if not in the node.
    func write(
        _ vector: UnsafePointer<Float>, to node: UnsafeMutableRawPointer,
        firstPart: NodeReference, room: UnsafeMutablePointer<Float>, _ kernels: KernelTable
    ) {
        guard precision == .half else {
            (node + HnswLayout.nodeHeaderBytes).copyMemory(from: vector, byteCount: dimensions * 4)
            return
        }
        let scale = HalfPrecision.scale(vector, dimensions)
        node.put(scale.bitPattern, at: HnswLayout.nodeHeaderBytes)
        if isInParts {
            node.put(firstPart.raw, at: HnswVectorForm.firstPartOffset)
        } else {
            HalfPrecision.narrow(
                vector, dimensions, scale: scale, room: room,
                into: UnsafeMutablePointer(mutating: halves(in: node)), kernels)
        }
    }

    /// Fills in the item of a part but for its version.
    func writePart(
        _ part: Int, of vector: UnsafePointer<Float>, to item: UnsafeMutableRawPointer,
        next: NodeReference, room: UnsafeMutablePointer<Float>, _ kernels: KernelTable
    ) {
        item.put(HnswLayout.partItem, at: 0)
        item.put(UInt8(truncatingIfNeeded: part), at: 1)
        item.put(next.raw, at: 8)
        HalfPrecision.narrow(
            vector + part * componentsPerPart, components(of: part),
            scale: HalfPrecision.scale(vector, dimensions), room: room,
            into: (item + HnswLayout.partHeaderBytes).assumingMemoryBound(to: UInt16.self),
            kernels)
    }
}
