import CPostgres
import NearestNeighbors
import PostgresServer

/// The options of `CREATE INDEX … USING pase_hnsw (…) WITH (…)`.
struct HnswOptions {
    static let defaultLinks = 16
    static let defaultEfBuild = 40
    static let defaultEfSearch = 200
    static let maximumEf = 10_000

    /// Elements of each vector; nil when the first vector says.
    let dimensions: Int?
    /// Links per node above the ground layer.
    let links: Int
    /// Candidates of an insertion.
    let efBuild: Int
    /// Candidates of a search whose query does not say.
    let efSearch: Int
    /// Whether the option says that the column holds base64 text.
    let isBase64: Bool?
    let codes: Codes

    /// What the option `codes` says.
    enum Codes {
        case byDimension
        case none
        case bits(CodeBits)

        init(_ value: Int32) {
            if let bits = UInt8(exactly: value).flatMap(CodeBits.init(rawValue:)) {
                self = .bits(bits)
            } else {
                self = value == 0 ? .none : .byDimension
            }
        }
    }

    /// As the server keeps them: the length word, then one int4 per option.
    private struct Stored: BitwiseCopyable {
        var length: Int32
        var dim: Int32
        var dimension: Int32
        var baseNbNum: Int32
        var efBuild: Int32
        var efSearch: Int32
        var base64Encoded: Int32
        var openOmp: Int32
        var ompThreadNum: Int32
        var codes: Int32
    }

    nonisolated(unsafe) private static var kind: CPostgres.relopt_kind = RELOPT_KIND_HEAP

    /// Makes the options known to the server. Once per session.
    static func register() throws(ServerError) {
        try check(pase_option_kind(&kind))
        try add("dim", "Number of dimensions (0: as the first vector has)", 0, 0, 16000)
        try add("dimension", "The same as dim", 0, 0, 16000)
        try add(
            "base_nb_num", "Links per node above the ground layer, twice that on it",
            Int32(defaultLinks), 2, 128)
        try add(
            "ef_build", "Candidates that an insertion looks at", Int32(defaultEfBuild), 4, 2000)
        try add(
            "ef_search", "Candidates of a search whose query does not say",
            Int32(defaultEfSearch), 1, Int32(maximumEf))
        try add("base64_encoded", "Whether the column holds base64 text", -1, 0, 1)
        try add("open_omp", "Without effect", 0, 0, 1)
        try add("omp_thread_num", "Without effect", 0, 0, 1024)
        try add(
            "codes", "Bits per dimension of the codes beside the links (0: none, -1: by dimension)",
            -1, -1, 4)
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
            links = HnswOptions.defaultLinks
            efBuild = HnswOptions.defaultEfBuild
            efSearch = HnswOptions.defaultEfSearch
            isBase64 = nil
            codes = .byDimension
            return
        }
        let stored = raw.load(as: Stored.self)
        let dimension = stored.dim != 0 ? stored.dim : stored.dimension
        dimensions = dimension == 0 ? nil : Int(dimension)
        links = Int(stored.baseNbNum)
        efBuild = Int(stored.efBuild)
        efSearch = Int(stored.efSearch)
        isBase64 = stored.base64Encoded < 0 ? nil : stored.base64Encoded == 1
        codes = Codes(stored.codes)
    }

    /// The option `codes`, after it has been seen that such codes fit a page beside a vector.
    func codes(fitting dimensions: Int, _ links: Int) throws(ServerError) -> Codes {
        try HnswOptions.checkFit(codes, dimensions, links: links)
        return codes
    }

    private static func checkFit(_ codes: Codes, _ dimensions: Int, links: Int)
        throws(ServerError)
    {
        if case .bits(let bits) = codes,
            HnswLayout.groundLinks(dimensions: dimensions, links: links, bits: bits, .half) == nil
        {
            throw ServerError(
                .programLimitExceeded,
                "codes of \(bits.rawValue) bits for \(links * 2) links do not fit a page beside "
                    + "a vector of \(dimensions) dimensions",
                hint: "Use fewer bits, a smaller base_nb_num, or codes = 0.")
        }
    }

    /// Turns the text of the options into what `init` reads; with `validate`, checks it.
    static func parse(_ options: Datum, validate: Bool) throws(ServerError)
        -> UnsafeMutablePointer<bytea>?
    {
        let elements: [relopt_parse_elt] = [
            element("dim", 1), element("dimension", 2), element("base_nb_num", 3),
            element("ef_build", 4), element("ef_search", 5), element("base64_encoded", 6),
            element("open_omp", 7), element("omp_thread_num", 8),
            element("codes", 9),
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
            if stored.codes == 3 {
                throw ServerError(
                    .invalidParameterValue, "value 3 out of bounds for option \"codes\"",
                    detail: "Valid values are \"0\", \"1\", \"2\", \"4\", and \"-1\".")
            }
            let dimension = stored.dim != 0 ? stored.dim : stored.dimension
            if dimension > 0 {
                try checkFit(Codes(stored.codes), Int(dimension), links: Int(stored.baseNbNum))
            }
        }
        return result
    }

    /// The n-th int4 of `Stored`, from 0.
    private static func element(_ name: StaticString, _ field: Int32) -> relopt_parse_elt {
        var element = relopt_parse_elt()
        element.optname = cString(name)
        element.opttype = RELOPT_TYPE_INT
        element.offset = field * 4
        return element
    }
}

/// A literal as C reads it: it lives as long as the library.
func cString(_ text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
