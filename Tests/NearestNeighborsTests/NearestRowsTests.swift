import NearestNeighbors
import Testing

/// The nearest rows against a sort of all.
@Suite struct NearestRowsTests {
    @Test(arguments: [1, 2, 7, 100, 5000]) func theNearestComeInOrder(capacity: Int) {
        var random = RandomSource(seed: UInt64(capacity))
        var memory = PooledMemory()
        for count in [0, 1, 5, 100, 3000] {
            var nearest = NearestRows(capacity: capacity, in: &memory)
            var all: [RowDistance] = []
            for row in 0..<count {
                // Few distances, so that many are equal.
                let distance = Double(Int.random(in: -20...20, using: &random)) / 8
                all.append(RowDistance(distance: distance, row: UInt64(row)))
            }
            all.shuffle(using: &random)
            for row in all { nearest.offer(row, in: &memory) }
            all.sort(by: RowDistance.isBefore)
            nearest.finish()
            #expect(nearest.isCut == (count > capacity))
            for row in all.prefix(capacity) {
                let next = nearest.next()
                #expect(next?.row == row.row && next?.key == row.key)
            }
            #expect(nearest.next() == nil)
            nearest.free(in: &memory)
        }
    }

    @Test func keysOrderAsTheServerOrdersNumbers() {
        let numbers: [Double] = [
            -.infinity, -.greatestFiniteMagnitude, -1, -.leastNonzeroMagnitude, 0,
            .leastNonzeroMagnitude, 0.5, .greatestFiniteMagnitude, .infinity, .nan,
        ]
        let keys = numbers.map { RowDistance(distance: $0, row: 1).key }
        #expect(zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 })
        #expect(RowDistance(distance: -0.0, row: 1).key == RowDistance(distance: 0, row: 1).key)
        #expect(RowDistance(distance: -.nan, row: 1).key == RowDistance(distance: .nan, row: 1).key)
        for (number, key) in zip(numbers, keys) where !number.isNaN {
            #expect(RowDistance(key: key, row: 1).distance == number)
        }
        #expect(RowDistance(key: .max, row: 1).distance.isNaN)
    }
}
