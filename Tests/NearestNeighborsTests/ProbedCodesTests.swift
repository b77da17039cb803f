import NearestNeighbors
import Testing

/// Lists whose vectors' distances are given, and which counts how often they are asked for.
private struct MockLists: ListStorage {
    typealias Failure = Never

    /// By group and slot.
    var distances: [[Float]]
    /// The numbers of the vectors read, in order.
    var reads: [[Int]] = []
    private var memory = SystemMemory()

    init(_ distances: [[Float]]) { self.distances = distances }

    mutating func distance(of candidate: ListCandidate) -> Float {
        reads.append([candidate.group, candidate.slot])
        return distances[candidate.group][candidate.slot]
    }

    func prefetch(_ candidate: ListCandidate) {
        #expect(candidate.slot < distances[candidate.group].count)
    }

    mutating func allocate(bytes count: Int) -> UnsafeMutableRawPointer {
        memory.allocate(bytes: count)
    }

    mutating func release(_ pointer: UnsafeMutableRawPointer) { memory.release(pointer) }
}

@Suite struct ProbedCodesTests {
    /// Random groups, some slots of them empty, and lower bounds of their distances.
    private func random(_ random: inout RandomSource, groups: Int) -> (
        distances: [[Float]], bounds: [[Float]]
    ) {
        var distances: [[Float]] = []
        var bounds: [[Float]] = []
        for _ in 0..<groups {
            let count = Int(random.next() % 70)
            // Few different values, so that there are ties.
            let own = (0..<count).map { _ in Float(random.next() % 200) }
            distances.append(own)
            bounds.append(
                own.map { distance in
                    switch random.next() % 8 {
                    case 0: return .infinity
                    case 1: return distance
                    case 2: return -.infinity
                    default: return distance - Float(random.next() % 50)
                    }
                })
        }
        return (distances, bounds)
    }

    private func add(_ bounds: [[Float]], to probed: inout ProbedCodes, _ lists: inout MockLists) {
        for group in bounds {
            let room = probed.roomForGroup(group.count, in: &lists)
            for (slot, bound) in group.enumerated() { room[slot] = bound }
            probed.addGroup(count: group.count, in: &lists)
        }
    }

    @Test(arguments: [1, 3, 64, 1000])
    func answersAllInOrderAndReadsNoneInVain(poolSize: Int) {
        var source = RandomSource(seed: UInt64(poolSize))
        for round in 0..<60 {
            let (distances, bounds) = random(&source, groups: Int(source.next() % 12))
            var lists = MockLists(distances)
            var probed = ProbedCodes(poolSize: poolSize, capacity: 1, in: &lists)
            // What another query left behind must not matter.
            if round % 2 == 1 {
                add([[1, 2, 3], [0]], to: &probed, &lists)
                probed.removeAll()
            }
            add(bounds, to: &probed, &lists)
            #expect(probed.groupCount == distances.count)
            var answered: [[Int]] = []
            var last = -Float.infinity
            while let (candidate, distance) = probed.next(in: &lists) {
                #expect(distance >= last)
                last = distance
                #expect(distances[candidate.group][candidate.slot] == distance)
                answered.append([candidate.group, candidate.slot])
                // Nothing was read whose bound lies above what has been answered.
                for read in lists.reads { #expect(bounds[read[0]][read[1]] <= distance) }
            }
            let filled = zip(bounds.indices, bounds).flatMap { group, slots in
                slots.indices.filter { slots[$0] < .infinity }.map { [group, $0] }
            }
            #expect(Set(answered) == Set(filled))
            #expect(answered.count == filled.count)
            #expect(lists.reads.count == filled.count)
        }
    }

    /// Groups that are added between two answers join those that are there, and a limit holds back what is beyond it.
    @Test(arguments: [1, 3, 64, 1000])
    func takesGroupsBetweenAnswers(poolSize: Int) {
        var source = RandomSource(seed: UInt64(poolSize) &+ 100)
        for round in 0..<60 {
            let (distances, bounds) = random(&source, groups: 2 + Int(source.next() % 12))
            var lists = MockLists(distances)
            var probed = ProbedCodes(
                poolSize: poolSize, largestPoolSize: round % 2 == 0 ? .max : poolSize * 2,
                capacity: 1, in: &lists)
            // All that is held and not answered yet.
            var held: [Float] = []
            var answered = 0
            for group in distances.indices {
                add([bounds[group]], to: &probed, &lists)
                held += zip(distances[group], bounds[group]).filter { $1 < .infinity }.map(\.0)
                held.sort()
                let isLast = group == distances.indices.last
                let limit = isLast ? Float.infinity : Float(source.next() % 120)
                var wanted = isLast ? Int.max : Int(source.next() % 60)
                while wanted > 0 {
                    wanted -= 1
                    let next = probed.next(within: limit, in: &lists)
                    guard let nearest = held.first, nearest <= limit else {
                        #expect(next == nil)
                        break
                    }
                    #expect(next?.distance == nearest)
                    held.removeFirst()
                    answered += 1
                }
                #expect(probed.slotCount == bounds[...group].joined().count)
            }
            #expect(held.isEmpty)
            // No vector was read twice.
            #expect(lists.reads.count == answered)
        }
    }

    @Test func readsOnlyWhatTheBoundsAllow() {
        // A hundred thousand codes, exact bounds: ten answers cost ten reads.
        var source = RandomSource(seed: 7)
        let distances = (0..<1000).map { _ in (0..<100).map { _ in Float(source.next() >> 40) } }
        var lists = MockLists(distances)
        var probed = ProbedCodes(poolSize: 64, capacity: 4096, in: &lists)
        add(distances, to: &probed, &lists)
        var answers: [Float] = []
        for _ in 0..<200 {
            if let next = probed.next(in: &lists) { answers.append(next.distance) }
            if answers.count == 10 { #expect(lists.reads.count <= 11) }
        }
        #expect(answers == Array(distances.joined().sorted().prefix(200)))
    }
}
