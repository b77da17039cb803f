import CPostgres
import NearestNeighbors
import PostgresServer

/// Rotated centroids in memory, one behind the other.
struct IvfflatCentroids {
    let start: UnsafeMutablePointer<Float>
    let count: Int
}

/// The pages of centroids, and of their codes behind them.
extension IvfflatPages {
    /// Where the centroid of a list stands; the list after the last is the mean of all centroids.
    @inline(__always)
    func place(of list: Int) -> (block: UInt32, offset: Int) {
        let perPage = layout.centroidsPerPage
        return (meta.centroids &+ UInt32(truncatingIfNeeded: list / perPage), list % perPage + 1)
    }

    /// Number of pages of centroids' codes, and the first of them.
    var centroidCodePages: (first: UInt32, count: Int) {
        let perPage = layout.centroidCodesPerPage
        return (place(of: meta.lists).block &+ 1, (meta.lists + perPage - 1) / perPage)
    }

    /// The item of a list in a page of centroids.
    @inline(__always)
    func centroid(_ list: Int, in page: IndexPage) throws(ServerError) -> UnsafeMutableRawPointer {
        let place = place(of: list)
        guard let item = try page.item(place.offset), let start = item.baseAddress,
            item.count == layout.centroidBytes
        else { throw damaged(place.block, "The centroid of list \(list) is missing") }
        return start
    }

    /// The codes in a page of centroids' codes.
    @inline(__always)
    func centroidCodes(_ page: IndexPage, _ block: UInt32) throws(ServerError) -> CodeArray {
        guard let item = try page.item(1), let start = item.baseAddress,
            item.count == layout.centroidCodeArray.bytes
        else { throw damaged(block, "The codes of centroids are missing") }
        return CodeArray(start, layout.centroidCodeArray)
    }

    /// Copies a centroid.
    func copyCentroid(_ list: Int, into target: UnsafeMutablePointer<Float>) throws(ServerError) {
        let place = place(of: list)
        let locked = try open(place.block, IvfflatLayout.centroidsKind, .shared)
        try UnsafeMutableRawPointer(target).copyMemory(
            from: centroid(list, in: locked.page) + IvfflatLayout.centroidHeaderBytes,
            byteCount: layout.dimensions * 4)
        try locked.close()
    }

    /// Copies all centroids.
    func readCentroids(_ memory: ServerMemory) throws(ServerError) -> IvfflatCentroids {
        let start = try memory.allocate(meta.lists * layout.dimensions, of: Float.self)
        for list in 0..<meta.lists {
            if list % 1024 == 0 { try checkInterrupts() }
            try copyCentroid(list, into: start + list * layout.dimensions)
        }
        return IvfflatCentroids(start: start, count: meta.lists)
    }

    /// Writes the pages of an index's centroids, whose lists are still empty, at the end of the index,
    /// which is where the metapage says that they are.
    func writeCentroids(
        _ centroids: IvfflatCentroids, _ encoder: VectorEncoder, _ memory: ServerMemory
    ) throws(ServerError) {
        let dimensions = layout.dimensions
        let mean = try memory.allocate(dimensions, of: Float.self)
        let sums = try memory.allocate(dimensions, of: Double.self, zeroed: true)
        for list in 0..<centroids.count {
            if list % 1024 == 0 { try checkInterrupts() }
            let centroid = centroids.start + list * dimensions
            for component in 0..<dimensions { sums[component] += Double(centroid[component]) }
        }
        for component in 0..<dimensions {
            mean[component] = Float(sums[component] / Double(centroids.count))
        }
        memory.free(sums)
        let item = try memory.allocate(bytes: layout.centroidBytes, zeroed: true)
        var list = 0
        while list <= centroids.count {
            try checkInterrupts()
            let first = list
            let isLast = first + layout.centroidsPerPage > centroids.count
            let end = isLast ? centroids.count + 1 : first + layout.centroidsPerPage
            try writePage(IvfflatLayout.centroidsKind, expected: place(of: first).block) {
                (page) throws(ServerError) in
                for list in first..<end {
                    (item + IvfflatLayout.centroidHeaderBytes).copyMemory(
                        from: list == centroids.count
                            ? mean : centroids.start + list * dimensions,
                        byteCount: dimensions * 4)
                    try add(item, layout.centroidBytes, to: page)
                }
            }
            list = end
        }
        try writeCentroidCodes(centroids, relativeTo: mean, encoder, memory)
    }

    private func writeCentroidCodes(
        _ centroids: IvfflatCentroids, relativeTo mean: UnsafePointer<Float>,
        _ encoder: VectorEncoder, _ memory: ServerMemory
    ) throws(ServerError) {
        let slots = layout.centroidCodesPerPage
        let bytes = layout.centroidCodeArray.bytes
        let item = try memory.allocate(bytes: bytes, zeroed: true)
        let codes = CodeArray(item, layout.centroidCodeArray)
        let pages = centroidCodePages
        for page in 0..<pages.count {
            try checkInterrupts()
            let first = page * slots
            for list in first..<min(first + slots, centroids.count) {
                let factors = encoder.encode(
                    centroids.start + list * layout.dimensions, from: mean)
                codes.write(encoder.bytes, factors, slot: list - first)
            }
            try writePage(
                IvfflatLayout.centroidCodesKind,
                expected: pages.first &+ UInt32(truncatingIfNeeded: page)
            ) { (page) throws(ServerError) in try add(item, bytes, to: page) }
        }
        memory.free(item)
    }

    private func writePage(
        _ kind: UInt8, expected block: UInt32,
        _ fill: (IndexPage) throws(ServerError) -> Void
    ) throws(ServerError) {
        let locked = try LockedPage.extend(index)
        guard locked.block == block else {
            throw ServerError(.internalError, "a page does not stand where it was planned")
        }
        let edit = try PageEdit(index, mode)
        let page = try edit.page(of: locked, isNew: true)
        try page.initialize(specialBytes: MetapageItem.specialBytes)
        try page.mark(as: kind)
        try fill(page)
        try edit.commit()
        try locked.close()
    }

    private func add(_ item: UnsafeMutableRawPointer, _ bytes: Int, to page: IndexPage)
        throws(ServerError)
    {
        guard try page.add(UnsafeRawBufferPointer(start: item, count: bytes)) != nil else {
            throw ServerError(.internalError, "an item of \(bytes) bytes fits no page")
        }
    }
}
