import CPostgres
import NearestNeighbors
import PostgresServer

/// The vectors behind the codes of the probed lists.
struct IvfflatVectors: ListStorage {
    typealias Failure = ServerError

    var pages: IvfflatPages
    /// Of each group: its codes page and its vectors pages.
    var groupBlocks: GrowableArray<UInt32>
    private let metric: Metric
    private let query: UnsafePointer<Float>
    private var memory: ServerMemory

    init(
        _ pages: IvfflatPages, _ metric: Metric, _ query: UnsafePointer<Float>,
        _ groupBlocks: GrowableArray<UInt32>, _ memory: ServerMemory
    ) {
        self.pages = pages
        self.metric = metric
        self.query = query
        self.groupBlocks = groupBlocks
        self.memory = memory
    }

    /// Notes a group, given the item of its codes page.
    mutating func addGroup(_ block: UInt32, _ start: UnsafeMutableRawPointer) throws(ServerError) {
        try groupBlocks.append(block, in: &memory)
        for page in 0..<pages.layout.vectorPages {
            try groupBlocks.append(
                start.u32(IvfflatLayout.groupHeaderBytes + page * 4), in: &memory)
        }
    }

    /// The codes page of a group, then its vectors pages.
    @inline(__always)
    func blocks(of group: Int) -> UnsafeMutablePointer<UInt32> {
        groupBlocks.start + group * (1 + pages.layout.vectorPages)
    }

    mutating func distance(of candidate: ListCandidate) throws(ServerError) -> Float {
        let room = IvfflatLayout.vectorPageBytes
        let bytes = pages.layout.dimensions * 4
        let blocks = blocks(of: candidate.group) + 1
        let begin = candidate.slot * bytes
        var position = begin
        var sum: Float = 0
        while position < begin + bytes {
            let number = position / room
            let end = min(begin + bytes, (number + 1) * room)
            let block = blocks[number]
            let locked = try pages.open(block, IvfflatLayout.vectorsKind, .shared)
            let start = try pages.vectors(locked.page, block)
            sum += metric.distance(
                query + (position - begin) / 4,
                (start + position % room).assumingMemoryBound(to: Float.self),
                (end - position) / 4)
            try locked.close()
            position = end
        }
        return sum
    }

    func prefetch(_ candidate: ListCandidate) {
        let room = IvfflatLayout.vectorPageBytes
        let bytes = pages.layout.dimensions * 4
        let begin = candidate.slot * bytes
        // The first part is the whole of nearly all vectors.
        let offset = begin % room
        pages.hints.prefetch(
            blocks(of: candidate.group)[1 + begin / room],
            offset: IvfflatLayout.vectorsOffset + offset, bytes: min(bytes, room - offset))
    }

    // MARK: MemorySource

    mutating func allocate(bytes count: Int) throws(ServerError) -> UnsafeMutableRawPointer {
        try memory.allocate(bytes: count)
    }

    mutating func release(_ pointer: UnsafeMutableRawPointer) throws(ServerError) {
        memory.free(pointer)
    }
}
