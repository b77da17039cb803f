import Testing
import VectorKernels

@testable import NearestNeighbors

/// Which candidates become links and which link gives way, against what the comments there say in so
/// many words.
@Suite struct GraphSelectionTests {
    /// Candidates of one node, nearest first, some of them gone.
    private struct Candidates {
        let rows: Rows
        let metric: Metric
        var scored: [ScoredNode]
        var vectors: [UnsafePointer<Float>?]

        init(_ count: Int, isSorted: Bool, gone: Bool, using random: inout RandomSource) {
            let kinds: [Metric.Kind] = [.squaredEuclidean, .innerProduct, .cosine]
            let metric = Metric.of(kinds.randomElement(using: &random) ?? .cosine)
            let spreads: [Rows.Spread] = [.even, .clustered, .grid, .withZeros]
            let rows = Rows(
                count + 1, Int.random(in: 1...9, using: &random),
                spreads.randomElement(using: &random) ?? .even, seed: random.next())
            rows.normalize(with: metric)
            var order = (1..<(count + 1)).map {
                (metric.distance(rows[0], rows[$0], rows.dimensions), $0)
            }
            if isSorted { order.sort { $0.0 < $1.0 } }
            scored = order.map {
                ScoredNode(
                    distance: $0.0, node: NodeReference(block: UInt32($0.1), offset: 0))
            }
            vectors = order.map { $0.1 }.map { row in
                gone && Int.random(in: 0..<8, using: &random) == 0 ? nil : rows[row]
            }
            self.rows = rows
            self.metric = metric
        }

        func distance(_ one: Int, _ other: Int) -> Float {
            guard let a = vectors[one], let b = vectors[other] else { return .infinity }
            return metric.distance(a, b, rows.dimensions)
        }
    }

    @Test func selectionIsTheHeuristicWithPrunedOnesKept() {
        var random = RandomSource(seed: 11)
        var memory = PooledMemory()
        let selection = NeighborSelection(capacity: 70, in: &memory)
        var target = [ScoredNode](
            repeating: ScoredNode(distance: 0, node: .none), count: 70)
        for _ in 0..<2000 {
            let count = Int.random(in: 0...70, using: &random)
            let limit = Int.random(in: 1...40, using: &random)
            let fill =
                Bool.random(using: &random) ? Int.max : Int.random(in: 0...40, using: &random)
            let candidates = Candidates(count, isSorted: true, gone: true, using: &random)
            for index in 0..<count { selection.vectors[index] = candidates.vectors[index] }
            let chosen = selection.choose(
                candidates.scored, count: count, limit: limit, fill: fill,
                metric: candidates.metric, dimensions: candidates.rows.dimensions, into: &target)

            var expected: [Int] = []
            var passedOver: [Int] = []
            for index in 0..<count where candidates.vectors[index] != nil {
                guard expected.count < limit else { break }
                let own = candidates.scored[index].distance
                if expected.contains(where: { candidates.distance(index, $0) <= own }) {
                    passedOver.append(index)
                } else {
                    expected.append(index)
                }
            }
            expected += passedOver.prefix(max(0, min(limit, fill) - expected.count))
            #expect(
                target.prefix(chosen).map(\.node) == expected.map { candidates.scored[$0].node })
        }
    }

    /// The distance from each link's end to the nearest of the others that are not farther.
    private func covers(_ candidates: Candidates, _ list: [Int]) -> [Float] {
        list.map { one in
            list.filter {
                $0 != one && candidates.scored[$0].distance <= candidates.scored[one].distance
            }.map { candidates.distance(one, $0) }.min() ?? .infinity
        }
    }

    /// By how much a link is spared: first whether another one covers it, then by how much it does, or the distance.
    private func spare(_ kind: Metric.Kind, _ distance: Float, _ cover: Float) -> [Float] {
        guard cover <= distance else { return [0, distance] }
        switch kind {
        case .squaredEuclidean: return [1, cover == 0 ? .infinity : distance / cover]
        case .cosine: return [1, cover <= -1 ? .infinity : (1 + distance) / (1 + cover)]
        case .innerProduct: return [1, distance - cover]
        }
    }

    nonisolated(unsafe) private static let noBackbone: UnsafePointer<Bool> = {
        let none = UnsafeMutablePointer<Bool>.allocate(capacity: 64)
        none.initialize(repeating: false, count: 64)
        return UnsafePointer(none)
    }()

    @Test func linksOfTheBackboneStay() {
        var random = RandomSource(seed: 14)
        var memory = PooledMemory()
        let eviction = LinkEviction(capacity: 31, in: &memory)
        let vectors = UnsafeMutablePointer<UnsafePointer<Float>?>.allocate(capacity: 31)
        let isBackbone = UnsafeMutablePointer<Bool>.allocate(capacity: 31)
        defer {
            vectors.deallocate()
            isBackbone.deallocate()
        }
        for _ in 0..<500 {
            let count = Int.random(in: 1...30, using: &random)
            let candidates = Candidates(count + 1, isSorted: false, gone: false, using: &random)
            for slot in 0...count {
                vectors[slot] = candidates.vectors[slot]
                eviction.distances[slot] = candidates.scored[slot].distance
                isBackbone[slot] = Int.random(in: 0..<3, using: &random) > 0
            }
            let ends = VectorEnds(
                vectors: vectors, metric: candidates.metric,
                dimensions: candidates.rows.dimensions)
            eviction.measure(ends, count: count, into: eviction.covers)
            let isFull = (0..<count).allSatisfy { isBackbone[$0] }
            let isWanted = Bool.random(using: &random)
            let slot = eviction.choose(
                ends, count: count, isBackbone: UnsafePointer(isBackbone), isWanted: isWanted,
                covers: eviction.covers)
            #expect(slot == count ? isFull || !isWanted : !isBackbone[slot])
        }
    }

    @Test func candidatesOfTheBackboneAreChosen() {
        var random = RandomSource(seed: 15)
        var memory = PooledMemory()
        let selection = NeighborSelection(capacity: 40, in: &memory)
        for _ in 0..<300 {
            let count = Int.random(in: 1...40, using: &random)
            let candidates = Candidates(count, isSorted: true, gone: false, using: &random)
            var scored = (0..<count).map { candidates.scored[$0] }
            let limit = Int.random(in: 1...20, using: &random)
            for _ in 0..<min(limit, count) / 2 {
                scored[Int.random(in: 0..<count, using: &random)].isBackbone = true
            }
            for slot in 0..<count { selection.vectors[slot] = candidates.vectors[slot] }
            let target = UnsafeMutablePointer<ScoredNode>.allocate(capacity: limit)
            defer { target.deallocate() }
            let chosen = selection.choose(
                scored, count: count, limit: limit, metric: candidates.metric,
                dimensions: candidates.rows.dimensions, into: target)
            #expect(chosen == min(limit, count))
            let kept = (0..<chosen).count { target[$0].isBackbone }
            #expect(kept == scored.count { $0.isBackbone })
            #expect(Set((0..<chosen).map { target[$0].node.raw }).count == chosen)
        }
    }

    @Test func evictionTakesTheLinkSparedByMost() {
        var random = RandomSource(seed: 12)
        var memory = PooledMemory()
        let eviction = LinkEviction(capacity: 41, in: &memory)
        let vectors = UnsafeMutablePointer<UnsafePointer<Float>?>.allocate(capacity: 41)
        defer { vectors.deallocate() }
        for _ in 0..<300 {
            let count = Int.random(in: 1...40, using: &random)
            // A list, and links that want to be in it one after the other.
            let candidates = Candidates(count + 30, isSorted: false, gone: false, using: &random)
            let ends = VectorEnds(
                vectors: vectors, metric: candidates.metric,
                dimensions: candidates.rows.dimensions)
            var list = Array(0..<count)
            for slot in 0..<count {
                vectors[slot] = candidates.vectors[slot]
                eviction.distances[slot] = candidates.scored[slot].distance
            }
            eviction.measure(ends, count: count, into: eviction.covers)
            for new in count..<count + 30 {
                vectors[count] = candidates.vectors[new]
                eviction.distances[count] = candidates.scored[new].distance
                let slot = eviction.choose(
                    ends, count: count, isBackbone: Self.noBackbone, isWanted: false,
                    covers: eviction.covers)

                let spared = zip(list + [new], covers(candidates, list + [new])).map {
                    spare(candidates.metric.kind, candidates.scored[$0].distance, $1)
                }
                let most = spared.max { $0.lexicographicallyPrecedes($1) } ?? []
                let expected = spared.firstIndex(of: most)
                #expect(slot == expected)
                if slot < count {
                    list[slot] = new
                    vectors[slot] = vectors[count]
                    eviction.distances[slot] = eviction.distances[count]
                }
                let kept = (0..<count).map { eviction.covers.distances[$0] }
                #expect(kept == covers(candidates, list))
            }
        }
    }

    @Test func knownDistancesAreAsGoodAsVectors() {
        var random = RandomSource(seed: 13)
        var memory = PooledMemory()
        let one = LinkEviction(capacity: 31, in: &memory)
        let other = LinkEviction(capacity: 31, in: &memory)
        let links = MeasuredLinks(capacity: 31, in: &memory)
        let ends = UnsafeMutablePointer<UnsafePointer<Float>?>.allocate(capacity: 31)
        defer { ends.deallocate() }
        for _ in 0..<300 {
            let count = Int.random(in: 1...30, using: &random)
            let candidates = Candidates(count + 1, isSorted: false, gone: false, using: &random)
            let metric = candidates.metric
            let dimensions = candidates.rows.dimensions
            for slot in 0...count {
                ends[slot] = candidates.vectors[slot]
                one.distances[slot] = candidates.scored[slot].distance
                other.distances[slot] = candidates.scored[slot].distance
                for before in 0..<slot {
                    guard let a = candidates.vectors[slot], let b = candidates.vectors[before]
                    else { continue }
                    links.row(slot)[before] = metric.distance(a, b, dimensions)
                }
            }
            let vectors = VectorEnds(vectors: ends, metric: metric, dimensions: dimensions)
            let known = MeasuredEnds(links: links, kind: metric.kind)
            one.measure(vectors, count: count, into: one.covers)
            other.measure(known, count: count, into: other.covers)
            #expect(
                one.choose(
                    vectors, count: count, isBackbone: Self.noBackbone, isWanted: false,
                    covers: one.covers)
                    == other.choose(
                        known, count: count, isBackbone: Self.noBackbone, isWanted: false,
                        covers: other.covers))
            for slot in 0..<count {
                #expect(one.covers.distances[slot] == other.covers.distances[slot])
            }
        }
    }

    @Test func evictionTellsOfOverflowNothing() {
        // All distances infinite: nothing can be told apart, so nothing changes.
        var memory = PooledMemory()
        let eviction = LinkEviction(capacity: 5, in: &memory)
        let rows = Rows(5, 2)
        for element in 0..<10 { rows.start[element] = element % 2 == 0 ? 3e38 : -3e38 }
        let vectors = UnsafeMutablePointer<UnsafePointer<Float>?>.allocate(capacity: 5)
        defer { vectors.deallocate() }
        for slot in 0..<5 {
            vectors[slot] = rows[slot]
            eviction.distances[slot] = .infinity
        }
        let ends = VectorEnds(
            vectors: vectors, metric: .of(.innerProduct), dimensions: 2)
        eviction.measure(ends, count: 4, into: eviction.covers)
        let slot = eviction.choose(
            ends, count: 4, isBackbone: Self.noBackbone, isWanted: false, covers: eviction.covers)
        #expect((0...4).contains(slot))
    }
}
