import NearestNeighbors
import Testing

/// Lengths and sums of vectors against plain loops.
@Suite struct VectorArithmeticTests {
    @Test(arguments: [1, 2, 7, 8, 9, 15, 16, 31, 64, 1000]) func lengths(dimensions: Int) {
        var random = RandomSource(seed: UInt64(dimensions))
        let a = (0..<dimensions).map { _ in Float.random(in: -1e30...1e30, using: &random) }
        let b = (0..<dimensions).map { _ in Float.random(in: -1e30...1e30, using: &random) }
        var squares = 0.0
        var differences = 0.0
        for (x, y) in zip(a, b) {
            squares += Double(x) * Double(x)
            differences += abs(Double(x) - Double(y))
        }
        let norm = VectorLengths.euclidean(a, dimensions)
        #expect(abs(norm - squares.squareRoot()) <= 1e-12 * norm)
        let manhattan = VectorLengths.manhattan(a, b, dimensions)
        #expect(abs(manhattan - differences) <= 1e-12 * differences)
        var unit = [Float](repeating: 7, count: dimensions)
        VectorLengths.normalize(a, dimensions, into: &unit)
        #expect(abs(VectorLengths.euclidean(unit, dimensions) - 1) < 1e-6)
        for (x, y) in zip(a, unit) { #expect(abs(Double(x) / norm - Double(y)) < 1e-7) }
    }

    @Test func zerosStayZeros() {
        var unit: [Float] = [1, 1, 1]
        VectorLengths.normalize([0, 0, 0], 3, into: &unit)
        #expect(unit == [0, 0, 0])
    }

    @Test func sumsOfParts() throws {
        let size = VectorSum.byteCount(dimensions: 3)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 2 * size, alignment: 8)
        defer { memory.deallocate() }
        let whole = VectorSum(empty: memory, dimensions: 3)
        let part = VectorSum(empty: memory + size, dimensions: 3)
        for row in 1...10 {
            (row % 3 == 0 ? part : whole).add([Float(row), -1, 1e30])
        }
        whole.add(part)
        #expect(whole.count == 10)
        #expect(whole.dimensions == 3)
        var result: [Float] = [0, 0, 0]
        #expect(whole.write(dividedBy: 10, to: &result) == nil)
        #expect(result == [5.5, -1, 1e30])
        whole.sums[1] = 1e39
        #expect(whole.write(dividedBy: 1, to: &result) == 1)
    }

    @Test func copiesOfAnotherSizeAreNone() {
        let size = VectorSum.byteCount(dimensions: 2)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size + 8, alignment: 8)
        defer { memory.deallocate() }
        _ = VectorSum(empty: memory, dimensions: 2)
        for count in 0...size + 8 {
            let copy = UnsafeRawBufferPointer(start: memory, count: count)
            #expect(VectorSum.dimensions(ofCopy: copy) == (count == size ? 2 : nil))
        }
        for wrong in [Int64.min, -1, 1, 3, Int64.max] {
            memory.storeBytes(of: wrong, toByteOffset: 8, as: Int64.self)
            let copy = UnsafeRawBufferPointer(start: memory, count: size)
            #expect(VectorSum.dimensions(ofCopy: copy) == nil)
        }
    }
}
