import NearestNeighbors
import Testing

/// The containers of the inner loops against those of the standard library.
@Suite struct StorageTests {
    @Test(arguments: [UInt64(1), 2, 3]) func visitedSetIsASet(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var memory = PooledMemory()
        var set = VisitedSet(capacity: Int.random(in: 0...100, using: &random), in: &memory)
        for _ in 0..<4 {
            var oracle: Set<UInt64> = []
            // Narrow ranges meet many keys again; the last are references as on pages.
            for range in [0...100, 1...100_000, 1 << 16...(1 << 48) - 1] as [ClosedRange<UInt64>] {
                for _ in 0..<5000 {
                    let key = UInt64.random(in: range, using: &random)
                    #expect(set.contains(key) == oracle.contains(key))
                    let isNew = set.insert(key, in: &memory)
                    #expect(isNew == oracle.insert(key).inserted)
                }
            }
            for block in 1...3000 as ClosedRange<UInt64> {
                let key = block << 16 | UInt64.random(in: 1...12, using: &random)
                let isNew = set.insert(key, in: &memory)
                #expect(isNew == oracle.insert(key).inserted)
            }
            #expect(set.count == oracle.count)
            #expect(oracle.allSatisfy { set.contains($0) })
            set.removeAll()
            #expect(set.count == 0)
            #expect(oracle.allSatisfy { !set.contains($0) })
        }
        set.free(in: &memory)
    }

    @Test func growableArrayIsAnArray() {
        var random = RandomSource(seed: 4)
        var memory = PooledMemory()
        for capacity in [0, 1, 7, 64] {
            var array = GrowableArray<Int>(capacity: capacity, in: &memory)
            var oracle: [Int] = []
            for _ in 0..<3000 {
                switch Int.random(in: 0..<20, using: &random) {
                case 0:
                    oracle.removeLast(min(3, oracle.count))
                    array.count = oracle.count
                case 1:
                    array.reserve(oracle.count + 10, in: &memory)
                case 2 where !oracle.isEmpty:
                    let index = Int.random(in: oracle.indices, using: &random)
                    oracle[index] += 1
                    array[index] += 1
                default:
                    let value = Int.random(in: 0...1_000_000, using: &random)
                    array.append(value, in: &memory)
                    oracle.append(value)
                }
                #expect(array.count == oracle.count && array.capacity >= array.count)
            }
            #expect((0..<array.count).map { array[$0] } == oracle)
            array.free(in: &memory)
        }
    }

    @Test func heapsAnswerInOrder() {
        var memory = PooledMemory()
        checkHeap(BinaryHeap<NearestFirst>(capacity: 1, in: &memory), <)
        checkHeap(BinaryHeap<FarthestFirst>(capacity: 100, in: &memory), >)
    }

    private func checkHeap<Order: HeapOrder>(
        _ start: BinaryHeap<Order>, _ isAbove: (Float, Float) -> Bool
    ) {
        var heap = start
        var memory = PooledMemory()
        var random = RandomSource(seed: 5)
        var oracle: [Float] = []
        var number: UInt32 = 0
        for round in 0..<4000 {
            // Few different distances, so that many are equal.
            let distance = Float(Int.random(in: -20...20, using: &random))
            number += 1
            let node = ScoredNode(
                distance: distance, node: NodeReference(block: number, offset: 0))
            switch Int.random(in: 0..<(round < 2000 ? 3 : 5), using: &random) {
            case 0 where !oracle.isEmpty:
                heap.replaceTop(node)
                oracle[0] = distance
            case 3, 4:
                guard !oracle.isEmpty else { continue }
                let popped = heap.pop().distance
                #expect(popped == oracle.removeFirst())
            default:
                heap.push(node, in: &memory)
                oracle.append(distance)
            }
            oracle.sort(by: isAbove)
            #expect(heap.count == oracle.count)
            if let top = oracle.first { #expect(heap.top.distance == top) }
        }
        for index in 0..<heap.count { heap.nodes[index].distance.negate() }
        heap.reorder()
        var popped: [Float] = []
        while heap.count > 0 { popped.append(heap.pop().distance) }
        #expect(popped == oracle.map { -$0 }.sorted(by: isAbove))
    }
}
