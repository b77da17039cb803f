import CPostgres
import NearestNeighbors
import PostgresServer

/// The options of `CREATE INDEX … USING pase_ivfflat (…) WITH (…)`.
struct IvfflatOptions {
    static let maximumLists = 1_000_000
    /// Lists that a query probes if it does not say, per mille of all.
    static let defaultPerMille = 20
    /// All lists.
    static let maximumPerMille = 1000

    /// Elements of each vector; nil when the first vector says.
    let dimensions: Int?
    let clusteringType: Int
    /// The metric that `distance_type` asks for; nil where it is not given.
    let metric: Metric.Kind?
    let isBase64: Bool?
    /// `clustering_params` as it was written.
    let parameters: String

    private struct Stored: BitwiseCopyable {
        var length: Int32
        var clusteringType: Int32
        var distanceType: Int32
        var dimension: Int32
        var dim: Int32
        var base64Encoded: Int32
        var openOmp: Int32
        var ompThreadNum: Int32
        /// Where the text begins, from the start of the options.
        var clusteringParams: Int32
    }

    nonisolated(unsafe) private static var kind: CPostgres.relopt_kind = RELOPT_KIND_HEAP

    /// Makes the options known to the server. Once per session.
    static func register() throws(ServerError) {
        try check(pase_option_kind(&kind))
        try add("clustering_type", "0: centroids from a file, 1: k-means", 1, 0, 1)
        try add(
            "distance_type", "0: squared Euclidean, 1: inner product, 2: cosine", -1, 0, 2)
        try add("dimension", "Number of dimensions (0: as the first vector has)", 0, 0, 16000)
        try add("dim", "The same as dimension", 0, 0, 16000)
        try add("base64_encoded", "Whether the column holds base64 text", -1, 0, 1)
        try add("open_omp", "Without effect", 0, 0, 1)
        try add("omp_thread_num", "Without effect", 0, 0, 1024)
        try check(
            pase_option_string(
                kind, cString("clustering_params"),
                cString("\"sample_ratio,k\", \"lists=k\", or the path of a centroid file"),
                cString("")))
    }

    private static func add(
        _ name: StaticString, _ description: StaticString, _ value: Int32, _ minimum: Int32,
        _ maximum: Int32
    ) throws(ServerError) {
        try check(
            pase_option_int(
                kind, cString(name), cString(description), value, minimum, maximum))
    }

    /// The options of an index.
    init(_ index: ServerRelation) {
        guard let raw = pase_relation_options(index.relation) else {
            dimensions = nil
            clusteringType = 1
            metric = nil
            isBase64 = nil
            parameters = ""
            return
        }
        let stored = raw.load(as: Stored.self)
        let dimension = stored.dimension != 0 ? stored.dimension : stored.dim
        dimensions = dimension == 0 ? nil : Int(dimension)
        clusteringType = Int(stored.clusteringType)
        metric = Metric.Kind(rawValue: stored.distanceType)
        isBase64 = stored.base64Encoded < 0 ? nil : stored.base64Encoded == 1
        parameters =
            stored.clusteringParams == 0
            ? ""
            : String(
                cString: (raw + Int(stored.clusteringParams)).assumingMemoryBound(
                    to: CChar.self))
    }

    /// Turns the text of the options into what `init` reads; with `validate`, checks it.
    static func parse(_ options: Datum, validate: Bool) throws(ServerError)
        -> UnsafeMutablePointer<bytea>?
    {
        let elements: [relopt_parse_elt] = [
            element("clustering_type", 1), element("distance_type", 2), element("dimension", 3),
            element("dim", 4), element("base64_encoded", 5), element("open_omp", 6),
            element("omp_thread_num", 7), element("clustering_params", 8, RELOPT_TYPE_STRING),
        ]
        var result: UnsafeMutablePointer<bytea>?
        let succeeded = elements.withUnsafeBufferPointer { elements in
            pase_options_build(
                options, validate, kind, MemoryLayout<Stored>.size, elements.baseAddress,
                Int32(elements.count), &result)
        }
        try check(succeeded)
        if validate, let result {
            let stored = UnsafeRawPointer(result).load(as: Stored.self)
            try checkDimensionOptions(dim: stored.dim, dimension: stored.dimension)
        }
        return result
    }

    private static func element(
        _ name: StaticString, _ field: Int32, _ type: relopt_type = RELOPT_TYPE_INT
    ) -> relopt_parse_elt {
        var element = relopt_parse_elt()
        element.optname = cString(name)
        element.opttype = type
        element.offset = field * 4
        return element
    }
}
