import Testing

@testable import VectorKernels

/// The tile kernels of all levels this machine has.
private let tables: [TileTable] = InstructionLevel.supported.compactMap {
    KernelTable.table(for: $0).map { TileTable(matching: $0) }
}

/// Rows and centroids with their panels, in memory that ends where they end.
private struct TileCase {
    let dimensions: Int
    let rowCount: Int
    let stride: Int
    let rows: [Float]
    let centroidCount: Int
    let centroids: [Float]
    let panels: [Float]

    var panelCount: Int { TilePanels.count(centroidCount) }

    init(
        _ rowCount: Int, _ centroidCount: Int, _ dimensions: Int, gap: Int = 0,
        _ generator: inout Generator
    ) {
        self.rowCount = rowCount
        self.centroidCount = centroidCount
        self.dimensions = dimensions
        stride = dimensions + gap
        rows = generator.vector(max(rowCount * stride - gap, 0))
        centroids = generator.vector(centroidCount * dimensions)
        panels = Self.panels(centroids, centroidCount, dimensions)
    }

    static func panels(_ centroids: [Float], _ count: Int, _ dimensions: Int) -> [Float] {
        var panels = [Float](
            repeating: .nan, count: TilePanels.count(count) * TilePanels.lanes * dimensions)
        panels.withUnsafeMutableBufferPointer { panels in
            centroids.withUnsafeBufferPointer { centroids in
                guard let target = panels.baseAddress, let source = centroids.baseAddress else {
                    return
                }
                TilePanels.write(
                    source, strideInFloats: dimensions, rowCount: count,
                    dimensions: dimensions, origin: nil, to: target)
            }
        }
        return panels
    }

    /// The inner product of a row and a centroid, and the sum of the terms' magnitudes.
    func product(_ row: Int, _ centroid: Int) -> (sum: Double, magnitude: Double) {
        var sum = 0.0
        var magnitude = 0.0
        for index in 0..<dimensions {
            let term =
                Double(rows[row * stride + index])
                * Double(centroids[centroid * dimensions + index])
            sum += term
            magnitude += abs(term)
        }
        return (sum, magnitude)
    }
}

/// Memory for one case.
private final class TileMemory {
    private let rows = GuardedMemory(capacity: 1 << 20)
    private let panels = GuardedMemory(capacity: 1 << 20)
    private let biases = GuardedMemory(capacity: 1 << 16)
    private let out = GuardedMemory(capacity: 1 << 20)
    private let indexes = GuardedMemory(capacity: 1 << 16)
    private let workspace = GuardedMemory(capacity: TileTable.workspaceBytes)

    /// All products; whatever stands between the rows of the results must stay.
    func products(_ table: TileTable, _ tile: TileCase, gap: Int, slack: Int = 0) -> [[Float]] {
        let width = tile.panelCount * TilePanels.lanes
        let room = out.place(
            [Float](repeating: -77, count: tile.rowCount * (width + gap)), slack: slack)
        table.products(
            rows.place(tile.rows, slack: slack).pointer, tile.stride, tile.rowCount,
            panels.place(tile.panels).pointer, tile.panelCount, tile.dimensions, room.pointer,
            width + gap)
        let all = room.elements
        return (0..<tile.rowCount).map { row in
            let start = row * (width + gap)
            #expect(all[start + width..<start + width + gap].allSatisfy { $0 == -77 })
            return Array(all[start..<start + tile.centroidCount])
        }
    }

    func nearest(_ table: TileTable, _ tile: TileCase, _ biases: [Float]) -> (
        indexes: [Int32], scores: [Float]
    ) {
        let padded =
            biases
            + [Float](
                repeating: .infinity, count: tile.panelCount * TilePanels.lanes - biases.count)
        let indexRoom = indexes.place([Int32](repeating: -1, count: tile.rowCount))
        let scoreRoom = out.place([Float](repeating: -77, count: tile.rowCount))
        table.nearest(
            rows.place(tile.rows).pointer, tile.stride, tile.rowCount,
            panels.place(tile.panels).pointer, tile.panelCount, tile.dimensions,
            self.biases.place(padded).pointer,
            workspace.room(for: TileTable.workspaceBytes, of: UInt8.self).base,
            indexRoom.pointer, scoreRoom.pointer)
        return (indexRoom.elements, scoreRoom.elements)
    }
}

private let rowCounts = Array(0...14) + [24, 95, 96, 97, 109]
private let centroidCounts = [0, 1, 2, 15, 16, 17, 32, 33, 48, 49, 64, 65, 80, 100]
private let dimensionCounts = [0, 1, 2, 3, 7, 16, 33, 128, 255, 256, 257, 513]

@Suite struct TileTests {
    private let memory = TileMemory()

    /// Products against a plain loop. Each of the at most 256 terms of a chunk and each chunk is
    /// rounded when it is added, and a term itself once without a fused instruction.
    @Test(arguments: tables.indices)
    func productsOfAllShapes(_ index: Int) {
        let table = tables[index]
        var generator = Generator(seed: 11)
        for dimensions in dimensionCounts {
            for centroids in centroidCounts {
                for rows in rowCounts where rows < 15 || dimensions < 200 || centroids == 33 {
                    let gap = (rows + centroids) % 3
                    let tile = TileCase(rows, centroids, dimensions, gap: gap, &generator)
                    let products = memory.products(table, tile, gap: gap * 5, slack: gap)
                    let roundings = (Double(min(dimensions, 256) + dimensions / 256) + 2) * 0x1p-24
                    var worst = 0.0
                    for row in 0..<rows {
                        for centroid in 0..<centroids {
                            let (sum, magnitude) = tile.product(row, centroid)
                            let bound = roundings * magnitude + Double(dimensions + 1) * 0x1p-149
                            worst = max(worst, abs(Double(products[row][centroid]) - sum) / bound)
                        }
                    }
                    #expect(worst <= 1, "\(rows) × \(centroids) × \(dimensions)")
                }
            }
        }
    }

    /// The nearest centroid is that of the lowest score, and scores are those of the products, to the
    /// last bit.
    @Test(arguments: tables.indices)
    func nearestOfAllShapes(_ index: Int) {
        let table = tables[index]
        var generator = Generator(seed: 12)
        for dimensions in dimensionCounts {
            for centroids in centroidCounts where centroids > 0 {
                for rows in rowCounts where rows < 15 || dimensions < 200 || centroids == 33 {
                    let tile = TileCase(rows, centroids, dimensions, &generator)
                    // Few distinct biases, so that there are ties where there is no dimension.
                    let biases = generator.vector(centroids).map { ($0 * 2).rounded() / 2 }
                    let found = memory.nearest(table, tile, biases)
                    let products = memory.products(table, tile, gap: 0)
                    var isRight = true
                    for row in 0..<rows {
                        var best = 0
                        var lowest = Float.infinity
                        for centroid in 0..<centroids {
                            let score = biases[centroid] - products[row][centroid]
                            if score < lowest {
                                lowest = score
                                best = centroid
                            }
                        }
                        isRight =
                            isRight && found.indexes[row] == Int32(best)
                            && found.scores[row] == lowest
                    }
                    #expect(isRight, "\(rows) × \(centroids) × \(dimensions)")
                }
            }
        }
    }

    @Test(arguments: tables.indices)
    func equalCentroidsGoToTheFirst(_ index: Int) {
        var generator = Generator(seed: 13)
        let one = generator.vector(20)
        var tile = TileCase(50, 70, 20, &generator)
        let centroids = (0..<70).flatMap { _ in one }
        tile = TileCase(rows: tile.rows, 50, centroids, 70, 20)
        let found = memory.nearest(tables[index], tile, [Float](repeating: 1, count: 70))
        #expect(found.indexes.allSatisfy { $0 == 0 })
        var biases = [Float](repeating: 1, count: 70)
        for excluded in 0..<40 { biases[excluded] = .infinity }
        #expect(
            memory.nearest(tables[index], tile, biases).indexes.allSatisfy { $0 == 40 })
    }

    /// Infinities and NaNs lead to some centroid that exists.
    @Test(arguments: tables.indices)
    func unusualNumbers(_ index: Int) {
        let table = tables[index]
        let values: [Float] = [
            .nan, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
        ]
        for value in values {
            var generator = Generator(seed: 14)
            let plain = TileCase(13, 37, 19, &generator)
            var rows = plain.rows
            for element in 0..<19 { rows[element] = value }
            rows[5 * 19 + 3] = value
            let tile = TileCase(rows: rows, 13, plain.centroids, 37, 19)
            let biases = [Float](repeating: 0, count: 37)
            let found = memory.nearest(table, tile, biases)
            #expect(found.indexes.allSatisfy { (0..<37).contains($0) })
            #expect(found.scores.allSatisfy { !$0.isNaN })
            if value.isNaN {
                #expect(found.indexes[0] == 0 && found.scores[0] == .infinity)
            }
            let none = memory.nearest(
                table, tile, [Float](repeating: .infinity, count: 37))
            #expect(none.indexes.allSatisfy { (0..<37).contains($0) })
        }
    }

    /// A product depends neither on what else is in the call nor, with a fused multiply-add, on the
    /// level.
    @Test func oneOrderOfSums() {
        var generator = Generator(seed: 15)
        for dimensions in [1, 31, 128, 256, 300, 700] {
            let tile = TileCase(29, 71, dimensions, &generator)
            var fused: [[Float]]?
            for table in tables {
                let all = memory.products(table, tile, gap: 0)
                for row in 0..<29 {
                    let alone = TileCase(
                        rows: Array(tile.rows[row * dimensions..<(row + 1) * dimensions]), 1,
                        tile.centroids, 71, dimensions)
                    #expect(memory.products(table, alone, gap: 0)[0] == all[row])
                }
                #if arch(x86_64)
                    guard table.level != .baseline else { continue }
                #endif
                if let fused { #expect(fused == all) }
                fused = all
            }
        }
    }

    @Test func panelLayout() {
        #expect([0, 1, 15, 16, 17, 32, 33].map(TilePanels.count) == [0, 1, 1, 1, 2, 2, 3])
        let centroids = (0..<17 * 3).map { Float($0 + 1) }
        let panels = TileCase.panels(centroids, 17, 3)
        #expect(panels.count == 2 * 16 * 3)
        for (position, value) in panels.enumerated() {
            let (panel, place) = (position / 48, position % 48)
            let (dimension, centroid) = (place / 16, panel * 16 + place % 16)
            #expect(value == (centroid < 17 ? centroids[centroid * 3 + dimension] : 0))
        }
    }
}

extension TileCase {
    /// Given rows and centroids.
    fileprivate init(
        rows: [Float], _ rowCount: Int, _ centroids: [Float], _ centroidCount: Int,
        _ dimensions: Int
    ) {
        self.rows = rows
        self.rowCount = rowCount
        self.centroids = centroids
        self.centroidCount = centroidCount
        self.dimensions = dimensions
        stride = dimensions
        panels = Self.panels(centroids, centroidCount, dimensions)
    }
}
