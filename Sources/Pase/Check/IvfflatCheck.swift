import CPostgres
import NearestNeighbors
import PostgresServer

/// The check of a pase_ivfflat index.
struct IvfflatCheck {
    let index: ServerRelation
    let report: CheckReport
    let memory: ServerMemory
    let pages: CheckedPages
    let own: IndexPage
    let other: IndexPage
    /// Nil where the metapage is damaged.
    let meta: IvfflatMeta?
    var rows: KeyedPlaces

    init(_ index: ServerRelation, _ report: CheckReport, _ memory: ServerMemory)
        throws(ServerError)
    {
        self.index = index
        self.report = report
        self.memory = memory
        pages = try CheckedPages(index)
        own = try IndexPage(in: memory)
        other = try IndexPage(in: memory)
        var source = memory
        rows = try KeyedPlaces(in: &source)
        meta = nil
    }

    mutating func run() throws(ServerError) {
        throw ServerError(.featureNotSupported, "indexes of pase_ivfflat cannot be checked yet")
    }

    mutating func copyVector(at place: UInt64, into vector: UnsafeMutablePointer<Float>)
        throws(ServerError) -> Bool
    { false }

    mutating func holds(_ row: UInt64, at place: UInt64) throws(ServerError) -> Bool { false }
}
