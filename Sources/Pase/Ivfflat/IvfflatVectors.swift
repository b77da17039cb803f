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
    /// Room for a vector that stands on more than one page.
    private let scratch: UnsafeMutablePointer<Float>
    private var memory: ServerMemory

    init(
        _ pages: IvfflatPages, _ metric: Metric, _ query: UnsafePointer<Float>,
        scratch: UnsafeMutablePointer<Float>, _ groupBlocks: GrowableArray<UInt32>,
        _ memory: ServerMemory
    ) {
        self.pages = pages
        self.metric = metric
        self.query = query
        self.scratch = scratch
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

    /// Bytes of memory that the groups take.
    var memoryBytes: Int { groupBlocks.capacity * MemoryLayout<UInt32>.stride }

    /// The distance, to the last digit the operator's: summed over the whole vector, wherever a page ends.
    mutating func distance(of candidate: ListCandidate) throws(ServerError) -> Float {
        let room = IvfflatLayout.vectorPageBytes
        let bytes = pages.layout.dimensions * 4
        let blocks = blocks(of: candidate.group) + 1
        let begin = candidate.slot * bytes
        var position = begin
        while position < begin + bytes {
            let number = position / room
            let end = min(begin + bytes, (number + 1) * room)
            let block = blocks[number]
            let locked = try pages.open(block, IvfflatLayout.vectorsKind, .shared)
            let part = try pages.vectors(locked.page, block) + position % room
            if end - position == bytes {
                let distance = metric.distance(
                    query, part.assumingMemoryBound(to: Float.self), pages.layout.dimensions)
                try locked.close()
                return distance
            }
            (UnsafeMutableRawPointer(scratch) + (position - begin))
                .copyMemory(from: part, byteCount: end - position)
            try locked.close()
            position = end
        }
        return metric.distance(query, scratch, pages.layout.dimensions)
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
