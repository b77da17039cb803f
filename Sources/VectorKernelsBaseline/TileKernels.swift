// The tile kernels: all inner products of many rows with many centroids, and the nearest centroid of
// each row. See TileSums.swift for the layout of the centroids.

import CKernels

/// Rows that the panels pass by before the next rows have their turn. Divisible by the rows of any
/// tile; so many rows of a chunk of dimensions fit in the second-level cache.
@inline(__always)
var blockRows: Int { 96 }

// MARK: - Products

/// The products of rows with `panelCount` panels, tile by tile. The number of rows is divisible by
/// the tile's.
@inline(__always)
func multiplyAll<Main: Tile, Narrow: Tile>(
    _ main: Main.Type, _ narrow: Narrow.Type, _ rows: UnsafeRawPointer, _ stride: Int,
    _ rowCount: Int, _ panels: UnsafeRawPointer, _ panelCount: Int, _ dimensions: Int,
    _ out: UnsafeMutableRawPointer, _ outStride: Int
) {
    let panelStride = dimensions &* panelRow
    var start = 0
    repeat {
        let length = min(chunk, dimensions &- start)
        let adding = start != 0
        var panel = 0
        while panel < panelCount {
            let column = panels + (panel &* panelStride &+ start &* panelRow)
            let result = out + panel &* panelRow
            let isWhole = panel &+ Main.Columns.panels <= panelCount
            var row = 0
            while row < rowCount {
                let source = rows + (row &* stride &+ 4 &* start)
                let target = result + row &* outStride
                if isWhole {
                    multiply(
                        main, source, stride, column, panelStride, length, target, outStride,
                        adding: adding)
                } else {
                    multiply(
                        narrow, source, stride, column, panelStride, length, target, outStride,
                        adding: adding)
                }
                row = row &+ (isWhole ? Main.rows : Narrow.rows)
            }
            panel = panel &+ (isWhole ? Main.Columns.panels : 1)
        }
        start = start &+ length
    } while start < dimensions
}

@inline(never)
func tileProducts(
    _ rows: UnsafePointer<Float>, _ stride: Int, _ rowCount: Int, _ panels: UnsafePointer<Float>,
    _ panelCount: Int, _ dimensions: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
    let rows = UnsafeRawPointer(rows)
    let panels = UnsafeRawPointer(panels)
    let out = UnsafeMutableRawPointer(out)
    let stride = 4 &* stride
    let outStride = 4 &* outStride
    var row = 0
    while row < rowCount {
        let left = rowCount &- row
        if left >= MainTile.rows {
            let whole = min(left, blockRows) / MainTile.rows &* MainTile.rows
            multiplyAll(
                MainTile.self, MainTileNarrow.self, rows + row &* stride, stride, whole, panels,
                panelCount, dimensions, out + row &* outStride, outStride)
            row = row &+ whole
        } else {
            multiplyAll(
                SingleRow.self, SingleRowNarrow.self, rows + row &* stride, stride, 1, panels,
                panelCount, dimensions, out + row &* outStride, outStride)
            row = row &+ 1
        }
    }
}

// MARK: - The nearest centroid

/// The lowest score so far in each lane of a row and the panel it was found in.
struct Lowest {
    /// 64 bytes of scores, then 64 bytes of panel numbers.
    let base: UnsafeMutableRawPointer

    @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { self.base = base }

    /// No score yet. Lanes that no score ever enters say panel 0.
    @inline(__always)
    func clear() {
        var offset = 0
        while offset < panelRow {
            base.storeBytes(
                of: Wide(repeating: .infinity), toByteOffset: offset, as: Wide.self)
            base.storeBytes(
                of: Wide.zero, toByteOffset: panelRow &+ offset, as: Wide.self)
            offset = offset &+ 4 &* width
        }
    }

    /// Takes in the products with one panel, whose score is bias minus product.
    @inline(__always)
    func take(_ products: UnsafeRawPointer, _ biases: UnsafeRawPointer, _ panel: Int) {
        // Panel numbers travel as the bits of floats.
        let number = Wide(repeating: Float(bitPattern: UInt32(truncatingIfNeeded: panel)))
        var offset = 0
        while offset < panelRow {
            let score =
                biases.loadUnaligned(fromByteOffset: offset, as: Wide.self)
                - products.loadUnaligned(fromByteOffset: offset, as: Wide.self)
            let best = base.loadUnaligned(fromByteOffset: offset, as: Wide.self)
            let panels = base.loadUnaligned(fromByteOffset: panelRow &+ offset, as: Wide.self)
            let isLower = score .< best
            base.storeBytes(
                of: best.replacing(with: score, where: isLower), toByteOffset: offset,
                as: Wide.self)
            base.storeBytes(
                of: panels.replacing(with: number, where: isLower),
                toByteOffset: panelRow &+ offset, as: Wide.self)
            offset = offset &+ 4 &* width
        }
    }

    /// The lowest score of all lanes and its centroid; of equal scores the first centroid.
    @inline(__always)
    func finish(_ index: UnsafeMutableRawPointer, _ score: UnsafeMutableRawPointer) {
        var lowest = Float.infinity
        var centroid: Int32 = 0
        var lane = 0
        while lane < panelLanes {
            let candidate = base.loadUnaligned(fromByteOffset: 4 &* lane, as: Float.self)
            let panel = base.loadUnaligned(
                fromByteOffset: panelRow &+ 4 &* lane, as: Int32.self)
            let number = panel &* Int32(panelLanes) &+ Int32(truncatingIfNeeded: lane)
            if candidate < lowest || (candidate == lowest && number < centroid) {
                lowest = candidate
                centroid = number
            }
            lane = lane &+ 1
        }
        // With no score below infinity the lanes say nothing.
        index.storeBytes(of: lowest < .infinity ? centroid : 0, as: Int32.self)
        score.storeBytes(of: lowest, as: Float.self)
    }
}

/// The nearest centroids of at most `blockRows` rows; their number is divisible by the tile's rows.
@inline(__always)
func findNearest<Main: Tile, Narrow: Tile>(
    _ main: Main.Type, _ narrow: Narrow.Type, _ rows: UnsafeRawPointer, _ stride: Int,
    _ rowCount: Int, _ panels: UnsafeRawPointer, _ panelCount: Int, _ dimensions: Int,
    _ biases: UnsafeRawPointer, _ workspace: UnsafeMutableRawPointer,
    _ indexes: UnsafeMutableRawPointer, _ scores: UnsafeMutableRawPointer
) {
    let lowest = workspace
    let lowestStride = 2 &* panelRow
    let sums = workspace + blockRows &* lowestStride
    var row = 0
    while row < rowCount {
        Lowest(lowest + row &* lowestStride).clear()
        row = row &+ 1
    }
    let panelStride = dimensions &* panelRow
    var panel = 0
    while panel < panelCount {
        let isWhole = panel &+ Main.Columns.panels <= panelCount
        let width = isWhole ? Main.Columns.panels : 1
        let sumStride = width &* panelRow
        var start = 0
        repeat {
            let length = min(chunk, dimensions &- start)
            let column = panels + (panel &* panelStride &+ start &* panelRow)
            let isLast = start &+ length >= dimensions
            var group = 0
            while group < rowCount {
                let source = rows + (group &* stride &+ 4 &* start)
                let target = sums + group &* sumStride
                if isWhole {
                    multiply(
                        main, source, stride, column, panelStride, length, target, sumStride,
                        adding: start != 0)
                } else {
                    multiply(
                        narrow, source, stride, column, panelStride, length, target, sumStride,
                        adding: start != 0)
                }
                let next = group &+ (isWhole ? Main.rows : Narrow.rows)
                while isLast && group < next {
                    var part = 0
                    while part < width {
                        Lowest(lowest + group &* lowestStride).take(
                            sums + (group &* sumStride &+ part &* panelRow),
                            biases + (panel &+ part) &* panelRow, panel &+ part)
                        part = part &+ 1
                    }
                    group = group &+ 1
                }
                group = next
            }
            start = start &+ length
        } while start < dimensions
        panel = panel &+ width
    }
    row = 0
    while row < rowCount {
        Lowest(lowest + row &* lowestStride).finish(indexes + 4 &* row, scores + 4 &* row)
        row = row &+ 1
    }
}

@inline(never)
func tileNearest(
    _ rows: UnsafePointer<Float>, _ stride: Int, _ rowCount: Int, _ panels: UnsafePointer<Float>,
    _ panelCount: Int, _ dimensions: Int, _ biases: UnsafePointer<Float>,
    _ workspace: UnsafeMutableRawPointer, _ indexes: UnsafeMutablePointer<Int32>,
    _ scores: UnsafeMutablePointer<Float>
) {
    let rows = UnsafeRawPointer(rows)
    let panels = UnsafeRawPointer(panels)
    let biases = UnsafeRawPointer(biases)
    let indexes = UnsafeMutableRawPointer(indexes)
    let scores = UnsafeMutableRawPointer(scores)
    let stride = 4 &* stride
    var row = 0
    while row < rowCount {
        let left = rowCount &- row
        if left >= MainTile.rows {
            let whole = min(left, blockRows) / MainTile.rows &* MainTile.rows
            findNearest(
                MainTile.self, MainTileNarrow.self, rows + row &* stride, stride, whole, panels,
                panelCount, dimensions, biases, workspace, indexes + 4 &* row, scores + 4 &* row)
            row = row &+ whole
        } else {
            findNearest(
                SingleRow.self, SingleRowNarrow.self, rows + row &* stride, stride, 1, panels,
                panelCount, dimensions, biases, workspace, indexes + 4 &* row, scores + 4 &* row)
            row = row &+ 1
        }
    }
}

/// The tile kernels of this instruction level; see `kernelFunctions`.
@export(interface)
public func tileFunctions() -> TileFunctions {
    TileFunctions(products: tileProducts, nearest: tileNearest)
}
