import CKernels
import Testing

@testable import VectorKernels

private let tables = InstructionLevel.supported.compactMap { CodeKernelTable.table(for: $0) }

/// Dimensions around the borders of all blocks and loops.
private let dimensions = Array(1...300) + [511, 512, 513, 768, 960, 1023, 1536, 2047, 16000]

private func blocks(_ dimensions: Int) -> Int { (dimensions + 63) / 64 }

/// The value of a dimension in a code, as the layout says.
func codeValue(_ code: [UInt8], _ bits: Int, _ dimension: Int) -> Int {
    let block = dimension / 64
    let (field, byte) = (dimension % 64).quotientAndRemainder(dividingBy: 8 * bits)
    return Int(code[block * 8 * bits + byte]) >> (field * bits) & (1 << bits - 1)
}

private typealias Dots =
    @convention(c) (
        UnsafePointer<Int8>, UnsafePointer<UInt8>, Int, Int, Int, UnsafeMutablePointer<Int32>
    ) -> Void

private func dots(_ table: CodeKernelTable, _ bits: Int) -> Dots {
    bits == 1 ? table.dots1 : bits == 2 ? table.dots2 : table.dots4
}

private typealias Encode =
    @convention(c) (
        UnsafePointer<Float>, Int, UnsafeMutablePointer<UInt8>,
        UnsafeMutablePointer<KernelCodeFactors>
    ) -> Void

private func encode(_ table: CodeKernelTable, _ bits: Int) -> Encode {
    bits == 1 ? table.encode1 : bits == 2 ? table.encode2 : table.encode4
}

extension KernelCodeFactors {
    var bitPatterns: [UInt32] { [squaredNorm.bitPattern, scale.bitPattern, error.bitPattern] }
}

/// A code and its factors, from memory that ends where it should.
private struct Encoder {
    let input = GuardedMemory(capacity: 4 * 16064)
    let output = GuardedMemory(capacity: 8192)

    func callAsFunction(
        _ table: CodeKernelTable, _ vector: [Float], _ bits: Int, slack: Int = 0
    ) -> (code: [UInt8], factors: KernelCodeFactors) {
        let blocks = blocks(vector.count)
        let padding = [Float](repeating: 0, count: blocks * 64 - vector.count)
        let room = input.place(vector + padding, slack: slack)
        let code = output.place([UInt8](repeating: 0xAA, count: blocks * 8 * bits), slack: slack)
        var factors = KernelCodeFactors()
        encode(table, bits)(room.pointer, vector.count, code.pointer, &factors)
        return (code.elements, factors)
    }
}

@Suite struct CodeDotTests {
    private let queryMemory = GuardedMemory(capacity: 16064)
    private let codeMemory = GuardedMemory(capacity: 10 * 8100)
    private let outMemory = GuardedMemory(capacity: 64)

    /// Against a plain loop over the values of the layout; random values and the largest ones, which
    /// are where sums of 16 bits would overflow.
    @Test(arguments: [1, 2, 4])
    func everyDimension(_ bits: Int) {
        var generator = Generator(seed: 11)
        for count in dimensions {
            let blocks = blocks(count)
            let size = blocks * 8 * bits
            let isExtreme = count % 3 == 0 || count > 1500
            let sign: Int8 = count % 2 == 0 ? 127 : -127
            let query = (0..<blocks * 64).map {
                $0 >= count ? 0 : isExtreme ? sign : Int8.random(in: -127...127, using: &generator)
            }
            let queryRoom = queryMemory.place(query, slack: count % 5)
            for rows in count > 300 ? [5] : [0, 1, count % 9] {
                let stride = size + count % 7
                let length = rows == 0 ? 0 : (rows - 1) * stride + size
                let bytes: [UInt8] = (0..<length).map { _ in
                    isExtreme ? 255 : UInt8.random(in: 0...255, using: &generator)
                }
                let codes = codeMemory.place(bytes, slack: count % 3)
                let expected = (0..<rows).map { row in
                    let code = Array(bytes[row * stride..<row * stride + size])
                    return (0..<count).reduce(Int32(0)) {
                        $0 + Int32(codeValue(code, bits, $1)) * Int32(query[$1])
                    }
                }
                for table in tables {
                    let out = outMemory.place([Int32](repeating: -1, count: rows), slack: count % 4)
                    dots(table, bits)(
                        queryRoom.pointer, codes.pointer, stride, rows, blocks, out.pointer)
                    #expect(out.elements == expected, "\(table.level.name) \(count) \(rows)")
                }
            }
        }
    }
}

@Suite struct ComponentProductTests {
    private let memory = [GuardedMemory(capacity: 16064), GuardedMemory(capacity: 16064)]

    /// Against a plain loop; random components and the largest ones.
    @Test func everyDimension() {
        var generator = Generator(seed: 14)
        for count in dimensions {
            let vectors = memory.map { memory in
                let sign: Int8 = Bool.random(using: &generator) ? 127 : -127
                let components = (0..<blocks(count) * 64).map {
                    $0 >= count
                        ? 0
                        : count % 3 == 0
                            ? sign : Int8.random(in: -127...127, using: &generator)
                }
                return memory.place(components, slack: count % 5)
            }
            let expected = zip(vectors[0].elements, vectors[1].elements).reduce(Int32(0)) {
                $0 + Int32($1.0) * Int32($1.1)
            }
            for table in tables {
                let product = table.dot8(vectors[0].pointer, vectors[1].pointer, blocks(count))
                #expect(product == expected, "\(table.level.name) \(count)")
            }
        }
    }
}

@Suite struct CodeQueryKernelTests {
    private let memory = GuardedMemory(capacity: 4 * 16064)
    private let outMemory = GuardedMemory(capacity: 16064)

    @Test func everyDimension() {
        var generator = Generator(seed: 12)
        for count in dimensions {
            let vector = generator.vector(count)
            let padded = vector + [Float](repeating: 0, count: blocks(count) * 64 - count)
            let room = memory.place(padded, slack: count % 4)
            let largest = vector.map { abs($0) }.max() ?? 0
            var terms: [KernelQueryTerms] = []
            var components: [[Int8]] = []
            for table in tables {
                let out = outMemory.room(for: padded.count, of: Int8.self, slack: count % 3)
                var result = KernelQueryTerms()
                table.quantizeQuery(room.pointer, count, out.pointer, &result)
                terms.append(result)
                components.append(out.elements)
            }
            #expect(components.allSatisfy { $0 == components[0] }, "\(count)")
            #expect(terms.allSatisfy { $0.scale == terms[0].scale && $0.sum == terms[0].sum })
            #expect(terms.allSatisfy { $0.squaredNorm == terms[0].squaredNorm })
            #expect(terms.allSatisfy { $0.squaredRest == terms[0].squaredRest })

            #expect(abs(terms[0].scale * 127 - largest) <= largest * 0x1p-22)
            #expect(terms[0].sum == components[0].reduce(0) { $0 + Int32($1) })
            var norm = 0.0
            var rest = 0.0
            for (value, component) in zip(padded, components[0]) {
                let difference = Double(value) - Double(terms[0].scale) * Double(component)
                #expect(abs(difference) <= Double(terms[0].scale) * 0.50001)
                norm += Double(value) * Double(value)
                rest += difference * difference
            }
            #expect(abs(Double(terms[0].squaredNorm) - norm) <= norm * 1e-4)
            #expect(abs(Double(terms[0].squaredRest) - rest) <= rest * 1e-3 + norm * 1e-10)
        }
    }
}

@Suite struct CodeEncodingKernelTests {
    private let encoder = Encoder()

    /// The same at each level, and the factors are what they are said to be.
    @Test(arguments: [1, 2, 4])
    func everyDimension(_ bits: Int) {
        var generator = Generator(seed: 13)
        for count in dimensions {
            let vector = generator.vector(count)
            let (code, factors) = encoder(tables[0], vector, bits, slack: count % 4)
            for table in tables.dropFirst() {
                let other = encoder(table, vector, bits, slack: count % 3)
                #expect(other.code == code, "\(table.level.name) \(count)")
                #expect(other.factors.bitPatterns == factors.bitPatterns, "\(count)")
            }
            var (norm, product, codeNorm) = (0.0, 0.0, 0.0)
            for (index, value) in vector.enumerated() {
                let x = Double(codeValue(code, bits, index)) - Double(1 << bits - 1) / 2
                // The sign is always right.
                #expect(Double(value) * x >= 0)
                norm += Double(value) * Double(value)
                product += Double(value) * x
                codeNorm += x * x
            }
            for index in count..<blocks(count) * 64 {
                #expect(codeValue(code, bits, index) == 0, "\(count)")
            }
            let scale = norm / product
            let tangent = max(norm * codeNorm / (product * product) - 1, 0).squareRoot()
            let length = norm.squareRoot()
            let error = count == 1 ? 0 : length * tangent / Double(count - 1).squareRoot()
            #expect(abs(Double(factors.squaredNorm) - norm) <= norm * 1e-5)
            #expect(abs(Double(factors.scale) - scale) <= scale * 1e-5)
            #expect(abs(Double(factors.error) - error) <= error * 2e-2 + norm.squareRoot() * 2e-3)
        }
    }

    /// What an index stores depends on these bits.
    @Test func neverChanges() {
        for table in tables {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for bits in [1, 2, 4] {
                var generator = Generator(seed: 18)
                for count in [1, 2, 3, 15, 63, 64, 65, 100, 128, 300, 960] {
                    let (code, factors) = encoder(table, generator.vector(count), bits)
                    for byte in code { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
                    for word in factors.bitPatterns {
                        hash = (hash ^ UInt64(word)) &* 0x100_0000_01B3
                    }
                }
            }
            #expect(hash == 15_593_360_862_605_430_461, "\(table.level.name)")
        }
    }

    /// The fast search for a scale against each scale there is.
    @Test(arguments: [2, 4])
    func scaleIsNearlyTheBest(_ bits: Int) {
        var generator = Generator(seed: 14)
        for count in [2, 3, 8, 16, 33, 64, 65, 100, 128, 256, 768] {
            var worst = 0.0
            for _ in 0..<(count > 200 ? 3 : 20) {
                // About normal.
                let vector = (0..<count).map { _ in generator.vector(6).reduce(0, +) }
                let (code, _) = encoder(tables[0], vector, bits)
                var (product, codeNorm) = (0.0, 0.0)
                for (index, value) in vector.enumerated() {
                    let x = Double(codeValue(code, bits, index)) - Double(1 << bits - 1) / 2
                    product += Double(value) * x
                    codeNorm += x * x
                }
                let best = bestCosine(vector, levels: 1 << (bits - 1))
                worst = max(worst, best - product * product / codeNorm / squared(vector))
            }
            #expect(worst < (count < 64 ? 0.02 : 0.002) / Double(bits), "\(count): \(worst)")
        }
    }

    private func squared(_ vector: [Float]) -> Double {
        vector.reduce(0) { $0 + Double($1) * Double($1) }
    }

    /// The square of the largest cosine between a vector and a code, by the exact search: at each
    /// scale where one component is rounded otherwise the sums change by that component.
    private func bestCosine(_ vector: [Float], levels: Int) -> Double {
        let values = vector.map { abs(Double($0)) }
        var events: [(Double, Int)] = []
        for (index, value) in values.enumerated() where value > 0 {
            for level in 1..<levels { events.append((Double(level) / value, index)) }
        }
        events.sort { $0.0 < $1.0 }
        var x = [Double](repeating: 0.5, count: values.count)
        var product = values.reduce(0) { $0 + $1 * 0.5 }
        var norm = Double(values.count) * 0.25
        var best = product * product / norm
        for (_, index) in events {
            product += values[index]
            norm += 2 * x[index] + 1
            x[index] += 1
            best = max(best, product * product / norm)
        }
        return best / squared(vector)
    }
}

@Suite struct CodeRotationKernelTests {
    private let memory = GuardedMemory(capacity: 4 * 16000)

    private func rotated(
        _ table: CodeKernelTable, _ vector: [Float], _ seed: UInt64
    ) -> [Float] {
        let room = memory.place(vector, slack: Int(seed % 4))
        table.rotate(room.pointer, vector.count, seed)
        return room.elements
    }

    @Test func keepsProductsAndIsTheSameAtEachLevel() {
        var generator = Generator(seed: 15)
        for count in dimensions {
            let (a, b) = (generator.vector(count), generator.vector(count))
            let seed = UInt64(count)
            let (turnedA, turnedB) = (rotated(tables[0], a, seed), rotated(tables[0], b, seed))
            for table in tables.dropFirst() {
                #expect(rotated(table, a, seed) == turnedA, "\(table.level.name) \(count)")
            }
            func product(_ x: [Float], _ y: [Float]) -> Double {
                zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            }
            let size = (product(a, a) * product(b, b)).squareRoot()
            #expect(abs(product(turnedA, turnedA) - product(a, a)) <= 1e-5 * product(a, a))
            #expect(abs(product(turnedA, turnedB) - product(a, b)) <= 1e-5 * size, "\(count)")
            if count > 4 { #expect(rotated(tables[0], a, seed + 1) != turnedA) }
        }
    }

    /// The numbers of a stored index depend on these bits.
    @Test func neverChanges() {
        for table in tables {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for count in [1, 2, 3, 15, 16, 31, 63, 64, 100, 255, 768, 960] {
                let vector = (0..<count).map { Float($0 % 17) - 7.5 }
                for value in rotated(table, vector, 42) {
                    hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01B3
                }
            }
            #expect(hash == 18_226_049_024_100_340_081, "\(table.level.name)")
        }
    }
}

@Suite struct CodeEstimateKernelTests {
    /// Against the formula, for each count of rows, and each level like the others.
    @Test func everyCount() {
        var generator = Generator(seed: 16)
        let memory = (0..<6).map { _ in GuardedMemory(capacity: 512) }
        let terms = KernelEstimateTerms(
            base: 3.5, normWeight: 1, dotScale: -0.01, dotOffset: 77, errorScale: 1.5,
            normErrorRatio: 0.001, margin: 1e-4, normMargin: 1e-5)
        for count in 0...70 {
            let dots = (0..<count).map { _ in Int32.random(in: -5000...5000, using: &generator) }
            let norms = generator.vector(count).map { abs($0) * 9 }
            let scales = generator.vector(count).map { abs($0) + 0.1 }
            let errors = generator.vector(count).map { abs($0) * 0.1 }
            let dotRoom = memory[0].place(dots, slack: count % 4)
            let normRoom = memory[1].place(norms, slack: count % 3)
            let scaleRoom = memory[2].place(scales)
            let errorRoom = memory[3].place(errors, slack: count % 2)
            var results: [[Float]] = []
            for table in tables {
                let estimates = memory[4].room(for: count, of: Float.self, slack: 1)
                let bounds = memory[5].room(for: count, of: Float.self, slack: 2)
                withUnsafePointer(to: terms) {
                    table.bounds(
                        $0, dotRoom.pointer, normRoom.pointer, scaleRoom.pointer,
                        errorRoom.pointer, count, estimates.pointer, bounds.pointer)
                    results.append(estimates.elements + bounds.elements)
                    // In the place of the sums.
                    let place = memory[4].place(dots)
                    let only = Room<Float>(base: place.base, count: count)
                    table.estimates(
                        $0, place.pointer, normRoom.pointer, scaleRoom.pointer, count, only.pointer)
                    #expect(only.elements == Array(results[0][..<count]), "\(count)")
                }
            }
            #expect(results.allSatisfy { $0 == results[0] }, "\(count)")
            for row in 0..<count {
                let product = Double(2 * dots[row] - 77) * -0.01
                let estimate = 3.5 + Double(norms[row]) + Double(scales[row]) * product
                let variance =
                    Double(errors[row]) * Double(errors[row]) + Double(norms[row]) * 0.001
                let bound =
                    estimate - variance.squareRoot() * 1.5 - 1e-4 - 1e-5 * Double(norms[row])
                #expect(abs(Double(results[0][row]) - estimate) < 1e-4 * (1 + abs(estimate)))
                #expect(abs(Double(results[0][count + row]) - bound) < 1e-4 * (1 + abs(bound)))
            }
        }
    }
}

@Suite struct CodeFuzzTests {
    /// Any bits at all: nothing traps, the levels agree, and what must be finite is.
    @Test func anything() {
        var generator = Generator(seed: 17)
        let encoder = Encoder()
        let special: [Float] = [
            0, -0.0, .nan, .signalingNaN, .infinity, -.infinity, .greatestFiniteMagnitude,
            .leastNonzeroMagnitude, -1e-38, 0x1p-50, 0x1p55, 0x1p-51, 0x1p56, 1, -1,
        ]
        func number() -> Float {
            switch generator.next() % 4 {
            case 0: return Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
            case 1: return special[Int(generator.next() % UInt64(special.count))]
            default: return Float.random(in: -10...10, using: &generator)
            }
        }
        for round in 0..<100_000 {
            let count = round % 97 == 0 ? 130 : 1 + round % 9
            let bits = [1, 2, 4][round % 3]
            var vector = (0..<count).map { _ in number() }
            if round % 2 == 0 {
                // Finite ones of one size, as vectors are.
                let size = Float(sign: .plus, exponent: round % 250 - 125, significand: 1)
                vector = vector.map { $0.isFinite ? max(min($0, 3), -3) * size : size }
            }
            let table = tables[round % tables.count]
            let (code, factors) = encoder(table, vector, bits)
            if round % 10 == 0 {
                let other = encoder(tables[0], vector, bits)
                #expect(other.code == code)
                #expect(other.factors.bitPatterns == factors.bitPatterns)
            }
            guard factors.squaredNorm.isFinite, factors.scale.isFinite, !factors.error.isNaN else {
                Issue.record("\(vector) \(factors)")
                return
            }
            var turned = vector
            table.rotate(&turned, count, generator.next())
            let padded = vector + [Float](repeating: 0, count: blocks(count) * 64 - count)
            var components = [Int8](repeating: 1, count: padded.count)
            var terms = KernelQueryTerms()
            table.quantizeQuery(padded, count, &components, &terms)
            guard terms.scale.isFinite, !terms.squaredNorm.isNaN, terms.squaredRest.isFinite,
                !components.contains(-128)
            else {
                Issue.record("\(vector) \(terms)")
                return
            }
            let wild = KernelEstimateTerms(
                base: number(), normWeight: number(), dotScale: number(),
                dotOffset: Int32(truncatingIfNeeded: generator.next()), errorScale: number(),
                normErrorRatio: number(), margin: number(), normMargin: number())
            var estimates: [Float] = [0, 0]
            var bounds: [Float] = [0, 0]
            withUnsafePointer(to: wild) {
                table.bounds(
                    $0, [Int32(truncatingIfNeeded: generator.next()), .min],
                    [number(), factors.squaredNorm], [number(), factors.scale],
                    [number(), factors.error], 2, &estimates, &bounds)
            }
            guard estimates.allSatisfy(\.isFinite),
                bounds.allSatisfy({ $0.isFinite || $0 == -.infinity })
            else {
                Issue.record("\(wild) \(estimates) \(bounds)")
                return
            }
        }
    }
}
