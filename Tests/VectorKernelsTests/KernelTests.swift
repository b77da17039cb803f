import Testing

@testable import VectorKernels

/// The tables of all levels this machine has.
private let tables: [KernelTable] = InstructionLevel.supported.compactMap {
    KernelTable.table(for: $0)
}

/// Every dimension there is a loop for, and the largest one a vector may have.
private let dimensions = Array(0...2100) + [16000]

/// Dimensions around the borders of all loops, for tests that vary something else too.
private let someDimensions = Array(0...70) + [96, 127, 128, 129, 255, 300, 768, 1023, 1536, 2000]

/// What a sum of terms may differ by from the exact one. Each term goes through at most n / 16
/// additions in its lane (the narrowest level has 16 lanes in four sums), then three more to end
/// the lanes, two to join the four sums and at most seven on the way to one number, and is itself
/// rounded at most three times; the wider levels, which have one step more on the way, have fewer
/// elsewhere. That makes k = n / 16 + 16 roundings and the classic bound k·u / (1 - k·u) · ∑|term|
/// with u = 2⁻²⁴ (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). Products
/// too small for a normal number lose up to half of the least subnormal each.
private func bound(_ count: Int, _ magnitude: Double) -> Double {
    let roundings = (Double(count / 16) + 16) * 0x1p-24
    return roundings / (1 - roundings) * magnitude + Double(count + 1) * 0x1p-149
}

/// A sum of terms in double precision, and the sum of the terms' magnitudes.
private struct Reference {
    var sum = 0.0
    var magnitude = 0.0

    init(_ a: [Float], _ b: [Float], _ term: (Double, Double) -> Double) {
        for (x, y) in zip(a, b) {
            let value = term(Double(x), Double(y))
            sum += value
            magnitude += abs(value)
        }
    }

    static func squaredL2(_ a: [Float], _ b: [Float]) -> Reference {
        Reference(a, b) { ($0 - $1) * ($0 - $1) }
    }

    static func innerProduct(_ a: [Float], _ b: [Float]) -> Reference {
        Reference(a, b) { $0 * $1 }
    }

    func matches(_ result: Float, _ count: Int) -> Bool {
        abs(Double(result) - sum) <= bound(count, magnitude)
    }
}

@Suite struct LevelTests {
    @Test func thereIsALevelOnAnyMachine() throws {
        print("instruction levels run:", tables.map { "\($0.level.name)" }.joined(separator: ", "))
        #expect(tables.first?.level == .baseline)
        #expect(tables.count == InstructionLevel.supported.count)
        for (table, level) in zip(tables, InstructionLevel.supported) {
            #expect(table.level == level)
        }
        #expect(KernelTable.best().level == InstructionLevel.best)
        #expect(InstructionLevel.best.isSupported)
        // The tests run once more for each lower level, which the environment asks for then.
        if InstructionLevel.limit >= InstructionLevel.allCases.count {
            #expect(InstructionLevel.best == InstructionLevel.supported.last)
        }
    }

    /// A processor that has a level has those below it: `best` relies on that order.
    @Test func levelsIncludeTheEarlierOnes() {
        let supported = InstructionLevel.supported.map(\.rawValue)
        #expect(supported == Array(0..<supported.count))
    }

    @Test func absentLevelsHaveNoTable() {
        for level in InstructionLevel.allCases {
            #expect((KernelTable.table(for: level) != nil) == level.isSupported)
        }
    }

    #if os(Linux) && arch(x86_64)
        /// The kernel's opinion of the same processor.
        @Test func detectionAgreesWithTheOperatingSystem() throws {
            let features = try #require(processorFeatures())
            let avx2: Set = ["avx2", "fma", "f16c", "bmi1", "bmi2", "abm", "movbe"]
            let avx512: Set = ["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"]
            #expect(InstructionLevel.avx2.isSupported == avx2.isSubset(of: features))
            #expect(
                InstructionLevel.avx512.isSupported
                    == avx2.union(avx512).isSubset(of: features))
        }
    #endif
}

@Suite struct SumTests {
    private let memoryA = GuardedMemory(capacity: 4 * 16001)
    private let memoryB = GuardedMemory(capacity: 4 * 16001)
    private let memoryOut = GuardedMemory(capacity: 64)

    @Test(arguments: tables.indices)
    func everyDimension(_ index: Int) {
        let table = tables[index]
        var generator = Generator(seed: 1)
        for count in dimensions {
            let a = generator.vector(count)
            let b = generator.vector(count)
            // One vector misaligned by the dimension, the other by something else.
            let roomA = memoryA.place(a, slack: count % 4)
            let roomB = memoryB.place(b, slack: count / 4 % 4)
            let (pointerA, pointerB) = (roomA.pointer, roomB.pointer)

            let distance = table.squaredL2(pointerA, pointerB, count)
            #expect(Reference.squaredL2(a, b).matches(distance, count), "\(count)")
            let product = table.innerProduct(pointerA, pointerB, count)
            #expect(Reference.innerProduct(a, b).matches(product, count), "\(count)")
            let normA = table.squaredNorm(pointerA, count)
            #expect(Reference.innerProduct(a, a).matches(normA, count), "\(count)")
            let normB = table.squaredNorm(pointerB, count)

            // The same sum is the same to the last bit, whatever kernel computes it.
            #expect(distance == table.squaredL2(pointerB, pointerA, count), "\(count)")
            #expect(product == table.innerProduct(pointerB, pointerA, count), "\(count)")
            #expect(normA == table.innerProduct(pointerA, pointerA, count), "\(count)")
            let out = memoryOut.place([Float.nan, .nan, .nan], slack: count % 4)
            table.cosineParts(pointerA, pointerB, count, out.pointer)
            #expect(out.elements == [product, normA, normB], "\(count)")
        }
    }

    @Test(arguments: tables.indices)
    func everyMisalignment(_ index: Int) {
        let table = tables[index]
        var generator = Generator(seed: 2)
        for count in someDimensions {
            let a = generator.vector(count)
            let b = generator.vector(count)
            var results: Set<Float> = []
            for slack in 0..<64 {
                let roomA = memoryA.place(a, slack: slack)
                let roomB = memoryB.place(b, slack: (slack * 7) % 64)
                results.insert(table.squaredL2(roomA.pointer, roomB.pointer, count))
            }
            #expect(results.count == 1, "\(count)")
        }
    }

    @Test(arguments: tables.indices)
    func manyRows(_ index: Int) {
        let table = tables[index]
        var generator = Generator(seed: 3)
        for count in someDimensions {
            for rowCount in 0...5 {
                for gap in [0, 3] {
                    let stride = count + gap
                    let query = memoryA.place(generator.vector(count), slack: rowCount % 4)
                    // After the last row there is no gap to read.
                    let length = rowCount == 0 ? 0 : (rowCount - 1) * stride + count
                    var elements = generator.vector(length)
                    for row in 0..<rowCount {
                        // What stands between the rows must not count.
                        for position in row * stride + count..<(row + 1) * stride
                        where position < length {
                            elements[position] = .nan
                        }
                    }
                    let rows = memoryB.place(elements, slack: gap)
                    let out = memoryOut.place(
                        Array(repeating: Float.nan, count: rowCount), slack: gap)
                    for (many, one) in [
                        (table.squaredL2ToMany, table.squaredL2),
                        (table.innerProductToMany, table.innerProduct),
                    ] {
                        many(query.pointer, rows.pointer, stride, rowCount, count, out.pointer)
                        let expected = (0..<rowCount).map {
                            one(query.pointer, rows.pointer + $0 * stride, count)
                        }
                        #expect(out.elements == expected, "\(count) \(rowCount) \(gap)")
                    }
                }
            }
        }
    }

    @Test(arguments: tables.indices)
    func extremes(_ index: Int) {
        let table = tables[index]
        for count in someDimensions where count > 0 {
            let zeros = memoryA.place(Array(repeating: Float.zero, count: count))
            let values: [Float] = [
                0, -0.0, .leastNonzeroMagnitude, 0x1p-133, -0x1p-127, 1e-20, 1e-3, 1, 1e15, -1e18,
                1e19,
                3e38,
            ]
            for value in values {
                let elements = Array(repeating: value, count: count)
                let room = memoryB.place(elements)
                let reference = Reference.innerProduct(elements, elements)
                let results = [
                    table.squaredL2(room.pointer, zeros.pointer, count),
                    table.squaredNorm(room.pointer, count),
                    table.innerProduct(room.pointer, room.pointer, count),
                ]
                for result in results {
                    if reference.sum > 3.5e38 {
                        #expect(result == .infinity, "\(count) \(value)")
                    } else {
                        #expect(reference.matches(result, count), "\(count) \(value)")
                    }
                }
                #expect(table.squaredL2(room.pointer, room.pointer, count) == 0)
                #expect(table.innerProduct(room.pointer, zeros.pointer, count) == 0)
            }

            // Subnormal components with large ones: the products are normal and must not be lost.
            let small = Array(repeating: Float(0x1p-133), count: count)
            let large = Array(repeating: Float(0x1p100), count: count)
            let product = table.innerProduct(
                memoryA.place(small).pointer, memoryB.place(large).pointer, count)
            #expect(Reference.innerProduct(small, large).matches(product, count), "\(count)")

            // Terms of both signs that cancel: the bound is about the magnitudes.
            let signs = (0..<count).map { $0 % 2 == 0 ? Float(1e10) : Float(-1e10) }
            let ones = (0..<count).map { 1 + Float($0) * 0x1p-20 }
            let difference = table.innerProduct(
                memoryA.place(signs).pointer, memoryB.place(ones).pointer, count)
            #expect(Reference.innerProduct(signs, ones).matches(difference, count), "\(count)")
        }
    }

    /// A sum with something in it that is not finite says so, whatever the position.
    @Test(arguments: tables.indices)
    func notFinite(_ index: Int) {
        let table = tables[index]
        for count in someDimensions where count > 0 && count <= 300 {
            for position in 0..<count {
                var elements = Array(repeating: Float(1), count: count)
                elements[position] = .nan
                let ones = memoryA.place(Array(repeating: Float(1), count: count))
                var room = memoryB.place(elements)
                #expect(table.squaredL2(room.pointer, ones.pointer, count).isNaN)
                #expect(table.innerProduct(room.pointer, ones.pointer, count).isNaN)
                elements[position] = -.infinity
                room = memoryB.place(elements)
                #expect(table.squaredL2(room.pointer, ones.pointer, count) == .infinity)
                #expect(table.innerProduct(room.pointer, ones.pointer, count) == -.infinity)
            }
        }
    }
}

@Suite struct VectorTests {
    private let memory = GuardedMemory(capacity: 4 * 16100)

    @Test(arguments: tables.indices)
    func scale(_ index: Int) {
        let table = tables[index]
        var generator = Generator(seed: 4)
        for count in dimensions {
            let elements = generator.vector(count)
            let factor = Float.random(in: -3...3, using: &generator)
            // Something in front, to see that it stays.
            let all = memory.place([Float(42)] + elements, slack: count % 4)
            let vector = Room<Float>(base: all.base + 4, count: count)
            table.scale(vector.pointer, factor, count)
            #expect(all[0] == 42, "\(count)")
            #expect(vector.elements == elements.map { $0 * factor }, "\(count)")
        }
    }

    @Test(arguments: tables.indices)
    func isFiniteAtEachPosition(_ index: Int) {
        let table = tables[index]
        #expect(table.isFinite(memory.place([Float]()).pointer, 0))
        for count in 1...200 {
            // The largest numbers must not make an infinity of their own, nor subnormals a NaN.
            let fillings: [Float] = [
                .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0,
            ]
            let room = memory.room(for: count, of: Float.self, slack: count % 4)
            for filling in fillings {
                for position in 0..<count { room[position] = filling }
                #expect(table.isFinite(room.pointer, count), "\(count) \(filling)")
                for position in 0..<count {
                    for value in [
                        Float.nan, .signalingNaN, -.nan, .infinity, -.infinity,
                        Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFFF_FFFF),
                    ] {
                        room[position] = value
                        #expect(!table.isFinite(room.pointer, count), "\(count) \(position)")
                    }
                    room[position] = filling
                }
            }
        }
        let large = memory.place(Array(repeating: -Float.greatestFiniteMagnitude, count: 16000))
        #expect(table.isFinite(large.pointer, 16000))
        large[15999] = .infinity
        #expect(!table.isFinite(large.pointer, 16000))
    }

    /// An infinity and one of the other sign, whose sum could hide both.
    @Test(arguments: tables.indices)
    func isFiniteWithTwoInfinities(_ index: Int) {
        let table = tables[index]
        for count in 2...70 {
            for position in 1..<count {
                var elements = Array(repeating: Float(1), count: count)
                elements[0] = .infinity
                elements[position] = -.infinity
                #expect(!table.isFinite(memory.place(elements).pointer, count))
            }
        }
    }
}
