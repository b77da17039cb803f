import CPostgres
import NearestNeighbors
import PostgresServer

/// What the options say about lists and sample.
struct IvfflatPlan {
    /// Number of lists, nil for one that suits the table.
    var lists: Int?
    /// Share of the rows in the sample, per mille; nil for as many as suit the lists.
    var sampleRatio: Int?
    /// The path of the file that has the centroids.
    var centroidFile: UnsafePointer<CChar>?

    init(_ options: IvfflatOptions, _ index: ServerRelation) throws(ServerError) {
        // A copy, since the relation's memory may go.
        let length = options.parameters.map { pase_string_length($0) } ?? 0
        let text = try ServerMemory.current().allocate(bytes: length + 1, zeroed: true)
        if let parameters = options.parameters {
            text.copyMemory(from: parameters, byteCount: length)
        }
        if options.clusteringType == 0 {
            guard length > 0 else {
                throw ServerError(
                    .invalidParameterValue,
                    "clustering_type = 0 needs the path of a centroid file in clustering_params")
            }
            centroidFile = UnsafePointer(text.assumingMemoryBound(to: CChar.self))
            return
        }
        let bytes = UnsafeBufferPointer(
            start: text.assumingMemoryBound(to: UInt8.self), count: length)
        switch try IvfflatPlan.parameters(bytes) {
        case .unspecified: break
        case .lists(let lists): self.lists = lists
        case .sample(let perMille, let lists):
            sampleRatio = perMille
            self.lists = lists
        }
    }

    /// Parses the option `clustering_params` of k-means.
    static func parameters(_ text: UnsafeBufferPointer<UInt8>) throws(ServerError)
        -> ClusteringParameters
    {
        do throws(ClusteringParametersError) {
            return try ClusteringParameters(text, maximumLists: IvfflatOptions.maximumLists)
        } catch {
            throw ServerError(
                .invalidParameterValue,
                "invalid value for option \"clustering_params\": "
                    + "\"\(ServerError.excerpt(text, error.item))\"",
                detail: "\(ServerError.sentence(error.reason)).",
                hint: "The forms are \"sample_ratio,k\" with a ratio from 1 to 1000 per mille, "
                    + "and \"lists=k\".")
        }
    }

    /// A number of lists that suits a table: four times the square root of its rows, so that lists and
    /// rows per list grow alike.
    static func defaultLists(rows: Int) -> Int {
        max(1, min(IvfflatOptions.maximumLists, clampedInt(4 * Double(rows).squareRoot())))
    }

    /// Rows of a sample that suits a number of lists.
    static func sampleRows(lists: Int) -> Int { max(10_000, lists * 50) }
}

/// A sample of a table's vectors, drawn in one scan, and the centroids made of it.
struct IvfflatSample {
    private let index: ServerRelation
    private let plan: IvfflatPlan
    private let memory: ServerMemory
    private var rows: UnsafeMutablePointer<Float>?
    /// Which of the table's rows are in `rows`.
    private var reservoir: Reservoir
    private var seen = 0
    private(set) var meta: IvfflatMeta

    /// Rows that the table is thought to have, nil where nothing is known.
    private let expectedRows: Int?

    init(
        _ index: ServerRelation, _ meta: IvfflatMeta, _ plan: IvfflatPlan, expectedRows: Int,
        _ memory: ServerMemory
    ) {
        self.index = index
        self.meta = meta
        self.plan = plan
        // A fixed seed: the same table gives the same index.
        reservoir = Reservoir(perMille: plan.sampleRatio, seed: 0x5041_5345)
        self.expectedRows = expectedRows > 0 ? expectedRows : nil
        self.memory = memory
        self.meta.dimensions = IvfflatOptions(index).dimensions ?? 0
    }

    /// Bytes of memory for sample and clustering together.
    private var budget: Int { Int(pase_maintenance_work_mem()) * 1024 }

    /// Offers a row's vector to the sample. Only those are read that get into it, and the first, which
    /// says how many dimensions there are.
    mutating func add(_ row: UInt64, _ value: Datum) throws(ServerError) {
        seen += 1
        var slot: Int?
        if meta.dimensions > 0 {
            guard plan.centroidFile == nil else { return }
            slot = reservoir.place()
            if slot == nil { return }
        }
        let reader = try VectorReader(index, meta.metric)
        guard let vector = try reader.read(value, of: row), let start = vector.baseAddress else {
            // Vectors are finite, so NaN tells a row without one.
            if let rows, let slot {
                reservoir.take(slot)
                rows[slot * meta.dimensions] = .nan
            }
            return
        }
        if meta.dimensions == 0 {
            try checkIvfflatDimensions(vector.count, index)
            meta.dimensions = vector.count
        }
        try reader.checkDimensions(vector.count, expected: meta.dimensions)
        guard plan.centroidFile == nil else { return }
        if rows == nil { try makeRoom() }
        if slot == nil { slot = reservoir.place() }
        guard let rows, let slot else { return }
        reservoir.take(slot)
        reader.prepare(start, vector.count, into: rows + slot * meta.dimensions)
    }

    /// Keeps so many rows of the sample, drawn at random: how many lists there are to be is known only
    /// when the table has been counted.
    private mutating func thin(to count: Int) {
        guard let rows else { return }
        let dimensions = meta.dimensions
        reservoir.thin(to: count) { kept, other in
            for component in 0..<dimensions {
                let value = rows[kept * dimensions + component]
                rows[kept * dimensions + component] = rows[other * dimensions + component]
                rows[other * dimensions + component] = value
            }
        }
    }

    private mutating func makeRoom() throws(ServerError) {
        let lists = plan.lists ?? IvfflatPlan.defaultLists(rows: expectedRows ?? 1_000_000)
        var capacity = budget / (meta.dimensions * 4)
        if plan.sampleRatio == nil {
            capacity = min(capacity, IvfflatPlan.sampleRows(lists: lists))
        }
        while capacity > lists, bytes(rows: capacity, lists: lists) > budget {
            capacity -= capacity / 16 + 1
        }
        capacity = max(capacity, 1)
        reservoir.capacity = capacity
        rows = try memory.allocate(capacity * meta.dimensions, of: Float.self)
    }

    /// Memory for sample, clustering and centroids together.
    private func bytes(rows: Int, lists: Int) -> Int {
        (rows + lists) * meta.dimensions * 4
            + KMeans.memoryNeeded(count: rows, clusters: lists, dimensions: meta.dimensions)
    }

    /// Makes the centroids, rotated.
    mutating func makeCentroids() throws(ServerError) -> IvfflatCentroids {
        let dimensions = meta.dimensions
        let rotation = Rotation(
            dimensions: dimensions, seed: meta.rotationSeed, codeKernels)
        if let path = plan.centroidFile { return try readCentroids(path, rotation) }
        if let rows {
            reservoir.removeBlanks({ rows[$0 * dimensions].isNaN }) { from, to in
                (rows + to * dimensions).update(from: rows + from * dimensions, count: dimensions)
            }
        }
        var lists = max(1, plan.lists ?? IvfflatPlan.defaultLists(rows: seen))
        if plan.sampleRatio == nil { thin(to: IvfflatPlan.sampleRows(lists: lists)) }
        // Nobody asked for that many, if the table is larger than it was thought to be.
        while plan.lists == nil, lists > 1, bytes(rows: reservoir.count, lists: lists) > budget {
            lists /= 2
        }
        try checkMemory(bytes(rows: reservoir.count, lists: lists), lists)
        pase_progress(IvfflatProgress.subphase, IvfflatPhase.clustering.rawValue)
        let centroids = try memory.allocate(lists * dimensions, of: Float.self, zeroed: true)
        if let rows {
            for row in 0..<reservoir.count { rotation.apply(rows + row * dimensions) }
            var source = memory
            var progress = ClusteringInterrupts()
            _ = try KMeans(
                clusters: lists, dimensions: dimensions,
                metric: Metric(meta.metric, kernels), seed: 0x5041_5345
            ).run(
                rows, count: reservoir.count, into: centroids, memory: &source, progress: &progress)
            memory.free(UnsafeMutableRawPointer(rows))
        }
        rows = nil
        return IvfflatCentroids(start: centroids, count: lists)
    }
}

extension IvfflatSample {
    private func checkMemory(_ needed: Int, _ lists: Int) throws(ServerError) {
        let assigning = IvfflatAssignment.bytes(lists: lists, dimensions: meta.dimensions)
        let needed = max(needed, assigning)
        if needed > budget {
            throw ServerError(
                .programLimitExceeded,
                "memory required for \(lists) lists is \(needed >> 20) MB, "
                    + "maintenance_work_mem is \(budget >> 20) MB",
                hint: "Increase maintenance_work_mem, or use fewer lists.")
        }
    }

    /// Reads the centroids of a file on the server, rotated.
    private func readCentroids(_ path: UnsafePointer<CChar>, _ rotation: Rotation)
        throws(ServerError)
        -> IvfflatCentroids
    {
        var content: UnsafeMutablePointer<CChar>?
        var length = 0
        try check(pase_read_server_file(path, &content, &length))
        guard let content else { throw ServerError(.internalError, "a file without content") }
        let bytes = UnsafeBufferPointer(
            start: UnsafeRawPointer(content).assumingMemoryBound(to: UInt8.self), count: length)
        let file = try parsing(path, bytes) { () throws(CentroidFileError) in
            try CentroidFile(
                bytes, maximumDimensions: IvfflatLayout.maximumDimensions,
                maximumCount: IvfflatOptions.maximumLists)
        }
        guard file.dimensions == meta.dimensions else {
            throw ServerError(
                .dataException,
                "centroids of file \"\(serverText(path))\" have \(file.dimensions) dimensions, "
                    + "vectors have \(meta.dimensions)")
        }
        try checkMemory(0, file.count)
        let room = try memory.allocate(file.numberCount, of: Float.self)
        try parsing(path, bytes) { () throws(CentroidFileError) in
            try file.parse(
                into: UnsafeMutableBufferPointer(start: room, count: file.numberCount))
        }
        let metric = Metric(meta.metric, kernels)
        for centroid in 0..<file.count {
            let start = room + centroid * file.dimensions
            guard metric.takes(start, file.dimensions) else {
                throw ServerError(
                    .numericValueOutOfRange,
                    "centroid \(centroid + 1) of file \"\(serverText(path))\" is too long",
                    detail: "Its Euclidean norm may be at most \(floatText(Metric.largestNorm)).")
            }
            rotation.apply(start)
        }
        return IvfflatCentroids(start: room, count: file.count)
    }

    /// Runs a step of the file's parser and turns its error into the server's.
    private func parsing<Result>(
        _ path: UnsafePointer<CChar>, _ bytes: UnsafeBufferPointer<UInt8>,
        _ step: () throws(CentroidFileError) -> Result
    ) throws(ServerError) -> Result {
        do throws(CentroidFileError) {
            return try step()
        } catch {
            var place = ""
            if let position = error.position {
                place = " It is number \(position.component) of centroid \(position.centroid)."
            }
            throw ServerError(
                .invalidTextRepresentation,
                "invalid centroid file \"\(serverText(path))\": "
                    + "\"\(ServerError.excerpt(bytes, error.item))\"",
                detail: "\(ServerError.sentence(error.reason)).\(place)",
                hint: "The form is \"dim|count|v11,v12,...,v21,...\", on one line.")
        }
    }
}

/// Lets a clustering be cancelled.
private struct ClusteringInterrupts: ClusteringProgress {
    mutating func breathe() throws(ServerError) {
        try checkInterrupts()
    }
}
