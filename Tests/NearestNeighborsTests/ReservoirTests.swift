import NearestNeighbors
import Testing

/// Samples of rows that come in an order of their own.
@Suite struct ReservoirTests {
    /// The numbers of the rows in a sample; those of which `isEmpty` says so have nothing to keep.
    private func sample(
        _ rows: Int, capacity: Int, perMille: Int?, seed: UInt64,
        isEmpty: (Int) -> Bool = { _ in false }
    ) -> [Int] {
        var reservoir = Reservoir(perMille: perMille, seed: seed)
        var kept: [Int] = []
        for row in 0..<rows {
            // As in a build, where the first row tells how much room there is.
            if row == 1 { reservoir.capacity = capacity }
            guard let place = reservoir.place() else { continue }
            reservoir.take(place)
            let entry = isEmpty(row) ? -1 : row
            if place == kept.count { kept.append(entry) } else { kept[place] = entry }
        }
        reservoir.removeBlanks({ kept[$0] < 0 }) { kept[$1] = kept[$0] }
        kept.removeLast(kept.count - reservoir.count)
        #expect(kept.allSatisfy { $0 >= 0 })
        return kept
    }

    @Test(arguments: [nil, 1000, 100, 20] as [Int?]) func lateRowsAreAsLikely(perMille: Int?) {
        let rows = 100_000
        let capacity = 400
        var tenths = [Int](repeating: 0, count: 10)
        for seed in 0..<20 as Range<UInt64> {
            let kept = sample(rows, capacity: capacity, perMille: perMille, seed: seed)
            #expect(kept.count == capacity)
            #expect(Set(kept).count == capacity)
            for row in kept { tenths[row * 10 / rows] += 1 }
        }
        // 800 in each tenth, with a standard deviation of 27
        for tenth in tenths { #expect((650...950).contains(tenth), "\(tenths)") }
    }

    @Test func rowsWithoutAVectorTakeNoPlace() {
        var late = 0
        var all = 0
        for seed in 0..<20 as Range<UInt64> {
            let kept = sample(50_000, capacity: 400, perMille: nil, seed: seed) {
                $0 > 10 && $0 < 40_000 && $0 % 4 != 0
            }
            all += kept.count
            late += kept.filter { $0 >= 40_000 }.count
        }
        // Of 50,000 rows 20,000 have a vector, half of them among the last fifth.
        #expect((2950...3450).contains(all))
        #expect((1420...1780).contains(late))
    }

    @Test(arguments: [1, 2, 7, 1000]) func drawsAreSpreadEvenly(count: Int) {
        var random = RandomSource(seed: 3)
        var drawn = [Int](repeating: 0, count: count)
        for _ in 0..<count * 1000 { drawn[random.index(below: count)] += 1 }
        // 1000 each, with a standard deviation of 32
        for times in drawn { #expect((800...1200).contains(times)) }
    }

    @Test func fewerRowsThanPlacesAreAllThere() {
        #expect(sample(300, capacity: 400, perMille: nil, seed: 1) == Array(0..<300))
        #expect(sample(0, capacity: 400, perMille: nil, seed: 1) == [])
        #expect(sample(5, capacity: 1, perMille: nil, seed: 1).count == 1)
    }

    @Test func thinningKeepsDifferentRows() {
        var reservoir = Reservoir(perMille: nil, seed: 7)
        var kept = Array(0..<100)
        for _ in kept {
            guard let place = reservoir.place() else { continue }
            reservoir.take(place)
        }
        reservoir.thin(to: 30) { kept.swapAt($0, $1) }
        #expect(reservoir.count == 30)
        #expect(Set(kept.prefix(30)).count == 30)
        #expect(kept.prefix(30).contains { $0 >= 50 })
        reservoir.thin(to: 40) { _, _ in Issue.record("there are no more") }
        #expect(reservoir.count == 30)
    }
}
