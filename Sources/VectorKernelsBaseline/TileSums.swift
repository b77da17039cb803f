// The innermost loop of the tile kernels: a few rows times a few panels, all sums in registers.
//
// A panel holds 16 centroids side by side: for each dimension 16 floats, one of each centroid. A
// component of a row, copied to all lanes of a register, is multiplied with a register of the panel,
// so that no sum ever has to be taken across lanes and no dimension is left over. What a level has
// registers for is put together from the types below.
//
// Each inner product is one chain of additions in the order of the dimensions, cut into chunks (see
// `chunk`). That order depends neither on the level nor on the shape of the tile, so all levels that
// have a fused multiply-add agree to the last bit.

/// Centroids in a panel.
@inline(__always)
var panelLanes: Int { 16 }

/// Bytes from one dimension of a panel to the next.
@inline(__always)
var panelRow: Int { 64 }

/// Dimensions multiplied before the next rows have their turn: so many rows of a panel, 16 kB, stay
/// in the first-level cache.
@inline(__always)
var chunk: Int { 256 }

/// Sums for neighbouring centroids, in registers.
protocol Lanes {
    /// Panels that the lanes belong to.
    static var panels: Int { get }
    /// Bytes of one row of sums.
    static var bytes: Int { get }
    /// All zero.
    init()
    /// Lanes from memory. Panels are `panelStride` bytes apart, lanes of one panel adjacent.
    init(_ source: UnsafeRawPointer, _ panelStride: Int)
    /// Adds the products of one number with other lanes.
    mutating func addProducts(_ x: Wide, _ others: Self)
    /// Adds other lanes.
    mutating func add(_ others: Self)
    /// Writes the lanes to adjacent memory.
    func store(_ destination: UnsafeMutableRawPointer)
}

/// The lanes of one register.
struct Register: Lanes {
    var sums: Wide

    @inline(__always)
    static var panels: Int { 0 }
    @inline(__always)
    static var bytes: Int { 4 &* width }
    @inline(__always)
    init() { sums = .zero }
    @inline(__always)
    init(_ source: UnsafeRawPointer, _ panelStride: Int) {
        sums = source.loadUnaligned(as: Wide.self)
    }
    @inline(__always)
    mutating func addProducts(_ x: Wide, _ others: Register) {
        addProduct(x, others.sums, to: &sums)
    }
    @inline(__always)
    mutating func add(_ others: Register) { sums = sums + others.sums }
    @inline(__always)
    func store(_ destination: UnsafeMutableRawPointer) {
        destination.storeBytes(of: sums, as: Wide.self)
    }
}

/// Twice as many lanes of the same panel.
struct Joined<Half: Lanes>: Lanes {
    var low: Half
    var high: Half

    @inline(__always)
    static var panels: Int { 0 }
    @inline(__always)
    static var bytes: Int { 2 &* Half.bytes }
    @inline(__always)
    init() {
        low = Half()
        high = Half()
    }
    @inline(__always)
    init(_ source: UnsafeRawPointer, _ panelStride: Int) {
        low = Half(source, panelStride)
        high = Half(source + Half.bytes, panelStride)
    }
    @inline(__always)
    mutating func addProducts(_ x: Wide, _ others: Self) {
        low.addProducts(x, others.low)
        high.addProducts(x, others.high)
    }
    @inline(__always)
    mutating func add(_ others: Self) {
        low.add(others.low)
        high.add(others.high)
    }
    @inline(__always)
    func store(_ destination: UnsafeMutableRawPointer) {
        low.store(destination)
        high.store(destination + Half.bytes)
    }
}

/// All lanes of one panel.
struct Panel<All: Lanes>: Lanes {
    var all: All

    @inline(__always)
    static var panels: Int { 1 }
    @inline(__always)
    static var bytes: Int { All.bytes }
    @inline(__always)
    init() { all = All() }
    @inline(__always)
    init(_ source: UnsafeRawPointer, _ panelStride: Int) { all = All(source, panelStride) }
    @inline(__always)
    mutating func addProducts(_ x: Wide, _ others: Self) { all.addProducts(x, others.all) }
    @inline(__always)
    mutating func add(_ others: Self) { all.add(others.all) }
    @inline(__always)
    func store(_ destination: UnsafeMutableRawPointer) { all.store(destination) }
}

/// Twice as many panels.
struct PanelPair<Half: Lanes>: Lanes {
    var first: Half
    var second: Half

    @inline(__always)
    static var panels: Int { 2 &* Half.panels }
    @inline(__always)
    static var bytes: Int { 2 &* Half.bytes }
    @inline(__always)
    init() {
        first = Half()
        second = Half()
    }
    @inline(__always)
    init(_ source: UnsafeRawPointer, _ panelStride: Int) {
        first = Half(source, panelStride)
        second = Half(source + Half.panels &* panelStride, panelStride)
    }
    @inline(__always)
    mutating func addProducts(_ x: Wide, _ others: Self) {
        first.addProducts(x, others.first)
        second.addProducts(x, others.second)
    }
    @inline(__always)
    mutating func add(_ others: Self) {
        first.add(others.first)
        second.add(others.second)
    }
    @inline(__always)
    func store(_ destination: UnsafeMutableRawPointer) {
        first.store(destination)
        second.store(destination + Half.bytes)
    }
}

/// Rows times lanes: the sums of a tile, in registers.
protocol Tile {
    associatedtype Columns: Lanes
    /// Rows of the tile.
    static var rows: Int { get }
    /// All zero.
    init()
    /// Adds, for each row, the products of one of its components with the lanes. Rows are
    /// `stride` bytes apart.
    mutating func addProducts(_ component: UnsafeRawPointer, _ stride: Int, _ columns: Columns)
    /// Adds what `store` wrote.
    mutating func add(_ source: UnsafeRawPointer, _ stride: Int)
    /// Writes each row of sums, `stride` bytes from one to the next.
    func store(_ destination: UnsafeMutableRawPointer, _ stride: Int)
}

/// A tile of one row.
struct Row<Columns: Lanes>: Tile {
    var sums: Columns

    @inline(__always)
    static var rows: Int { 1 }
    @inline(__always)
    init() { sums = Columns() }
    @inline(__always)
    mutating func addProducts(_ component: UnsafeRawPointer, _ stride: Int, _ columns: Columns) {
        sums.addProducts(Wide(repeating: component.loadUnaligned(as: Float.self)), columns)
    }
    @inline(__always)
    mutating func add(_ source: UnsafeRawPointer, _ stride: Int) {
        sums.add(Columns(source, Columns.bytes / max(Columns.panels, 1)))
    }
    @inline(__always)
    func store(_ destination: UnsafeMutableRawPointer, _ stride: Int) { sums.store(destination) }
}

/// Twice as many rows.
struct RowPair<Half: Tile>: Tile {
    var first: Half
    var second: Half

    @inline(__always)
    static var rows: Int { 2 &* Half.rows }
    @inline(__always)
    init() {
        first = Half()
        second = Half()
    }
    @inline(__always)
    mutating func addProducts(
        _ component: UnsafeRawPointer, _ stride: Int, _ columns: Half.Columns
    ) {
        first.addProducts(component, stride, columns)
        second.addProducts(component + Half.rows &* stride, stride, columns)
    }
    @inline(__always)
    mutating func add(_ source: UnsafeRawPointer, _ stride: Int) {
        first.add(source, stride)
        second.add(source + Half.rows &* stride, stride)
    }
    @inline(__always)
    func store(_ destination: UnsafeMutableRawPointer, _ stride: Int) {
        first.store(destination, stride)
        second.store(destination + Half.rows &* stride, stride)
    }
}

/// Three times as many rows.
struct RowTriple<Third: Tile>: Tile {
    var first: Third
    var second: Third
    var third: Third

    @inline(__always)
    static var rows: Int { 3 &* Third.rows }
    @inline(__always)
    init() {
        first = Third()
        second = Third()
        third = Third()
    }
    @inline(__always)
    mutating func addProducts(
        _ component: UnsafeRawPointer, _ stride: Int, _ columns: Third.Columns
    ) {
        first.addProducts(component, stride, columns)
        second.addProducts(component + Third.rows &* stride, stride, columns)
        third.addProducts(component + 2 &* Third.rows &* stride, stride, columns)
    }
    @inline(__always)
    mutating func add(_ source: UnsafeRawPointer, _ stride: Int) {
        first.add(source, stride)
        second.add(source + Third.rows &* stride, stride)
        third.add(source + 2 &* Third.rows &* stride, stride)
    }
    @inline(__always)
    func store(_ destination: UnsafeMutableRawPointer, _ stride: Int) {
        first.store(destination, stride)
        second.store(destination + Third.rows &* stride, stride)
        third.store(destination + 2 &* Third.rows &* stride, stride)
    }
}

// MARK: - The shapes of each level

// Sixteen registers before AVX-512, thirty-two with it and on arm64: at most so many sums that the
// lanes of the panels and one component still fit, and without a fused instruction one product. At least eight sums hide the latency of the
// addition. A row alone has its sums in several panels instead.
#if KERNELS_AVX512
    typealias OnePanel = Panel<Register>
    typealias MainTile = RowPair<RowPair<RowTriple<Row<PanelPair<OnePanel>>>>>
    typealias MainTileNarrow = RowPair<RowPair<RowTriple<Row<OnePanel>>>>
    typealias SingleRow = Row<PanelPair<PanelPair<OnePanel>>>
#elseif KERNELS_AVX2
    typealias OnePanel = Panel<Joined<Register>>
    typealias MainTile = RowPair<RowTriple<Row<OnePanel>>>
    typealias MainTileNarrow = MainTile
    typealias SingleRow = Row<PanelPair<PanelPair<OnePanel>>>
#elseif arch(arm64)
    typealias OnePanel = Panel<Joined<Joined<Register>>>
    typealias MainTile = RowPair<RowTriple<Row<OnePanel>>>
    typealias MainTileNarrow = MainTile
    typealias SingleRow = Row<PanelPair<OnePanel>>
#else
    typealias OnePanel = Panel<Joined<Joined<Register>>>
    typealias MainTile = RowPair<Row<OnePanel>>
    typealias MainTileNarrow = MainTile
    typealias SingleRow = Row<PanelPair<OnePanel>>
#endif
typealias SingleRowNarrow = Row<OnePanel>

/// The products of a tile's rows with its panels over so many dimensions, written to `out` or added
/// to what stands there.
@inline(__always)
func multiply<T: Tile>(
    _ tile: T.Type, _ rows: UnsafeRawPointer, _ stride: Int, _ panels: UnsafeRawPointer,
    _ panelStride: Int, _ dimensions: Int, _ out: UnsafeMutableRawPointer, _ outStride: Int,
    adding: Bool
) {
    var sums = T()
    var row = rows
    var column = panels
    let end = rows + 4 &* dimensions
    while row < end {
        sums.addProducts(row, stride, T.Columns(column, panelStride))
        row = row + 4
        column = column + panelRow
    }
    if adding { sums.add(UnsafeRawPointer(out), outStride) }
    sums.store(out, outStride)
}
