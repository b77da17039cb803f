import Testing

@testable import NearestNeighbors

/// What a check of an index works with.
@Suite struct CheckingTests {
    @Test func fixedBitsAreASet() {
        var memory = PooledMemory()
        for count in [0, 1, 63, 64, 65, 1000] {
            let bits = FixedBits(count, in: &memory)
            #expect(!bits.insert(-1) && !bits.insert(count) && !bits.contains(count))
            for index in stride(from: 0, to: count, by: 3) {
                #expect(!bits.contains(index))
                let isNew = bits.insert(index)
                let isNewAgain = bits.insert(index)
                #expect(isNew && !isNewAgain)
            }
            for index in 0..<count { #expect(bits.contains(index) == (index % 3 == 0)) }
        }
    }

    @Test(arguments: 1...20) func differencesOfBits(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var memory = PooledMemory()
        let count = Int.random(in: 1...300, using: &random)
        let (some, others) = (FixedBits(count, in: &memory), FixedBits(count, in: &memory))
        for index in 0..<count {
            if Int.random(in: 0...7, using: &random) == 0 { _ = some.insert(index) }
            if Bool.random(using: &random) { _ = others.insert(index) }
        }
        for start in -1...count + 1 {
            let expected =
                start < 0
                ? nil
                : (0..<count).first {
                    $0 >= start && some.contains($0) && !others.contains($0)
                }
            #expect(some.first(from: start, notIn: others) == expected)
        }
    }

    @Test(arguments: 1...10) func placesHaveNumbers(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var memory = PooledMemory()
        let first = Int.random(in: 1...3, using: &random)
        let sizes = (0..<20).map { _ in Int.random(in: 0...3, using: &random) }
        var numbers = PlaceNumbers(from: first, pages: sizes.count, in: &memory)
        for size in sizes {
            let isAdded = numbers.append(size)
            #expect(isAdded)
        }
        let isAdded = numbers.append(1)
        #expect(!isAdded)
        var expected = 0
        for page in 0...first + sizes.count + 1 {
            let index = page - first
            let size = index >= 0 && index < sizes.count ? sizes[index] : 0
            for place in 0...size + 1 {
                let number = numbers.number(page: page, place: place)
                guard place >= 1, place <= size else {
                    #expect(number == nil)
                    continue
                }
                #expect(number == expected)
                #expect(numbers.place(expected) == (page, place))
                expected += 1
            }
        }
        #expect(numbers.count == expected)
    }

    @Test(arguments: 1...5) func keyedPlacesAreSorted(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var memory = PooledMemory()
        var places = KeyedPlaces(in: &memory)
        var expected: [(key: UInt64, place: UInt64)] = []
        let range: ClosedRange<UInt64> = seed % 2 == 0 ? 0...50 : 0...(1 << 48) - 1
        for place in 0..<UInt64.random(in: 0...3000, using: &random) {
            let key = UInt64.random(in: range, using: &random)
            places.append(KeyedPlaces.Entry(key: key, place: place), in: &memory)
            expected.append((key, place))
        }
        places.sort(in: &memory)
        // The places go up, so this is what a stable sort gives.
        expected.sort { ($0.key, $0.place) < ($1.key, $1.place) }
        #expect(places.count == expected.count)
        for number in 0..<places.count {
            #expect(places[number].key == expected[number].key)
            #expect(places[number].place == expected[number].place)
            let isRepeated = number > 0 && expected[number - 1].key == expected[number].key
            #expect(places.repeats(number) == isRepeated)
        }
        for key in range.lowerBound...range.lowerBound + 100 {
            #expect(places.first(of: key) == expected.firstIndex { $0.key == key })
        }
    }

    @Test func elementsAreFoundByPlace() {
        var memory = PooledMemory()
        let places = stride(from: UInt64(70_000), to: 900_000, by: 13)
        var elements = CheckedElements(capacity: places.underestimatedCount + 1, in: &memory)
        for place in places {
            let isAdded = elements.append(
                CheckedElements.Element(
                    place: place, level: Int(place % 16), isLive: place % 2 == 0,
                    fingerprint: place &* place))
            #expect(isAdded)
        }
        let isAdded = elements.append(
            CheckedElements.Element(place: 70_000, level: 0, isLive: true, fingerprint: 0))
        #expect(!isAdded)
        #expect(elements.hasRoom(for: 1) && !elements.hasRoom(for: 2))
        for place in [UInt64(900_000), 900_001] {
            let isAdded = elements.append(
                CheckedElements.Element(place: place, level: 0, isLive: true, fingerprint: 0))
            #expect(isAdded == (place == 900_000))
        }
        for place in 69_990...UInt64(75_000) {
            let number = elements.number(at: place)
            #expect((number != nil) == (place >= 70_000 && (place - 70_000) % 13 == 0))
            guard let number else { continue }
            let element = elements[number]
            #expect(element.place == place && element.level == Int(place % 16))
            #expect(element.isLive == (place % 2 == 0) && element.fingerprint == place &* place)
        }
        #expect(elements.number(at: 0) == nil && elements.number(at: .max >> 16) == nil)
        elements.removeAll()
        #expect(elements.count == 0 && elements.number(at: 70_000) == nil)
    }

    @Test func fingerprintsTellBytesApart() {
        var bytes = [UInt8](repeating: 0, count: 32)
        var met: Set<UInt64> = []
        for bit in 0...256 {
            if bit < 256 { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
            var one = Fingerprint()
            var another = Fingerprint()
            one.add(bytes, count: 32)
            another.add(bytes, count: 32)
            #expect(one.value == another.value)
            met.insert(one.value)
            if bit < 256 { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
        }
        #expect(met.count == 257)
    }

    @Test(arguments: 1...20) func reachabilityIsThatOfAPlainSearch(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let count = Int.random(in: 1...300, using: &random)
        var graph = ListedLinks(
            lists: (0..<count).map { _ in
                (0..<Int.random(in: 0...2, using: &random)).map { _ in
                    UInt32.random(in: 0..<UInt32(count + 3), using: &random)
                }
            })
        let first = Int.random(in: 0..<count, using: &random)
        let reached = Reachability(from: first, in: &graph)
        var expected: Set<Int> = []
        var queue = [first]
        while let node = queue.popLast() {
            guard node < count, expected.insert(node).inserted else { continue }
            queue += graph.lists[node].map(Int.init)
        }
        #expect(reached.count == expected.count)
        for node in 0..<count { #expect(reached.nodes.contains(node) == expected.contains(node)) }
    }

    @Test func reachabilityFromNowhere() {
        var graph = ListedLinks(lists: [[1], [0]])
        #expect(Reachability(from: 2, in: &graph).count == 0)
    }

    @Test(arguments: [1, 2, 3, 10, 1000], [0, 1, 7, 500])
    func chainsThatCloseAreNoticed(circle: Int, lead: Int) {
        var chain = ChainGuard()
        var steps = 0
        var place = 1
        while !chain.closes(UInt64(place)) {
            steps += 1
            place = place == lead + circle ? lead + 1 : place + 1
            guard steps <= 4 * (lead + circle) + 4 else { break }
        }
        #expect(steps >= circle && steps <= 3 * (lead + circle) + 3)
    }

    @Test func chainsThatEndAreLeftAlone() {
        var chain = ChainGuard()
        for place in 1...10_000 as ClosedRange<UInt64> {
            let isClosed = chain.closes(place)
            #expect(!isClosed)
        }
    }
}

/// Links in lists.
struct ListedLinks: NumberedLinks {
    let lists: [[UInt32]]
    private var memory = PooledMemory()

    init(lists: [[UInt32]]) { self.lists = lists }

    var nodeCount: Int { lists.count }
    var mostLinks: Int { lists.map(\.count).max() ?? 0 }

    mutating func links(of node: Int, into list: UnsafeMutablePointer<UInt32>) -> Int {
        for (slot, end) in lists[node].enumerated() { list[slot] = end }
        return lists[node].count
    }

    mutating func allocate(bytes count: Int) -> UnsafeMutableRawPointer {
        memory.allocate(bytes: count)
    }

    mutating func release(_ pointer: UnsafeMutableRawPointer) { memory.release(pointer) }
}
