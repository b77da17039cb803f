import CPostgres

/// What a scan may take before it has to go on otherwise: memory, and rows that come too late.
struct ScanBudget {
    /// Bytes that all of a scan may take: as many as a hash table, but a search within less than the least is none.
    let memory = max(pase_scan_memory(), leastMemory)

    /// Bytes that an answered row takes at the most: a table is full by a quarter at least, and for a while there
    /// are two of what grows.
    static let bytesPerRow = 48.0
    private static let leastMemory = 1_048_576.0
    /// Rows that may come late in any search, and of how many answered rows there may be one more.
    private static let fewLate = 8
    private static let answersForLate = 128

    /// Whether so many rows come late that this is no order to go on in.
    static func isMissingRows(late: Int, answered: Int) -> Bool {
        late > fewLate + answered / answersForLate
    }
}
