import Testing

@testable import VectorKernels

private let tables: [KernelTable] = InstructionLevel.supported.compactMap {
    KernelTable.table(for: $0)
}

/// The value of a half, from the definition of the format.
private func value(ofHalf bits: UInt16) -> Float {
    let sign: Float = bits & 0x8000 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Float(bits & 0x3FF)
    if exponent == 0x1F { return fraction == 0 ? sign * .infinity : .nan }
    if exponent == 0 { return sign * fraction * 0x1p-24 }
    return sign * Float(sign: .plus, exponent: exponent - 25, significand: fraction + 1024)
}

/// All finite halves in ascending order of their values, the negative zero left out.
private let finiteHalves: [UInt16] =
    (0x8001...0xFBFF).reversed().map { UInt16($0) } + (0x0000...0x7BFF).map { UInt16($0) }

/// The half nearest to a number, ties to even, found by search among all halves.
private func nearestHalf(_ number: Float) -> UInt16 {
    let sign: UInt16 = number.sign == .minus ? 0x8000 : 0
    let magnitude = Double(number.magnitude)
    // Half way from the largest half to what would be the next one.
    if magnitude >= 65520 { return sign | 0x7C00 }
    // Bit patterns of positive halves ascend with their values.
    var low: UInt16 = 0
    var high: UInt16 = 0x7BFF
    while low < high {
        let middle = low + (high - low + 1) / 2
        if Double(value(ofHalf: middle)) <= magnitude { low = middle } else { high = middle - 1 }
    }
    guard low < 0x7BFF else { return sign | low }
    let below = magnitude - Double(value(ofHalf: low))
    let above = Double(value(ofHalf: low + 1)) - magnitude
    let up = above < below || (above == below && low & 1 == 1)
    return sign | (up ? low + 1 : low)
}

@Suite struct HalfTests {
    private let memoryA = GuardedMemory(capacity: 4 * 70000)
    private let memoryB = GuardedMemory(capacity: 4 * 70000)

    /// Numbers at which rounding changes: every half, the middle between two and its neighbours,
    /// and the same below the least half and around infinity; then random bit patterns.
    private func interestingNumbers() -> [Float] {
        var numbers: [Float] = [
            0, -0.0, .leastNonzeroMagnitude, 0x1p-26, 0x1p-25, 65504, 65519, 65519.996, 65520,
            65521, 65535, 65536, 65567, 65569, 65599, 70000, 131072, 1e30, .infinity, -.infinity,
            .greatestFiniteMagnitude,
        ]
        for index in 1..<finiteHalves.count {
            let low = value(ofHalf: finiteHalves[index - 1])
            let high = value(ofHalf: finiteHalves[index])
            let middle = (low + high) / 2
            numbers += [low, low.nextUp, middle.nextDown, middle, middle.nextUp, high.nextDown]
        }
        var generator = Generator(seed: 5)
        for _ in 0..<200_000 {
            let number = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
            if !number.isNaN { numbers.append(number) }
        }
        return numbers
    }

    @Test(arguments: tables.indices)
    func rounding(_ index: Int) {
        let table = tables[index]
        let numbers = interestingNumbers()
        let expected = numbers.map(nearestHalf)
        var start = 0
        var count = 1
        var wrong = 0
        while start < numbers.count {
            // Chunks of all lengths, so that each number has its chance in every loop.
            count = min(count % 67 + 1, numbers.count - start)
            let source = memoryA.place(numbers[start..<start + count], slack: count % 4)
            let all = memoryB.place(
                [UInt16](repeating: 0xABCD, count: count + 1), slack: count % 2)
            let halves = Room<UInt16>(base: all.base + 2, count: count)
            table.floatToHalf(source.pointer, halves.pointer, count)
            if all[0] != 0xABCD { wrong += 1 }
            for position in 0..<count where halves[position] != expected[start + position] {
                wrong += 1
                if wrong < 5 { print(numbers[start + position], halves[position]) }
            }
            start += count
        }
        #expect(wrong == 0)
    }

    @Test(arguments: tables.indices)
    func notANumber(_ index: Int) {
        let table = tables[index]
        let patterns: [UInt32] = [
            0x7F80_0001, 0x7FC0_0000, 0x7FFF_FFFF, 0xFF80_0001, 0xFFC0_0000, 0xFFFF_FFFF,
            0x7F80_2000, 0x7FA0_0000,
        ]
        for count in 1...40 {
            for pattern in patterns {
                let number = Float(bitPattern: pattern)
                let source = memoryA.place(Array(repeating: number, count: count))
                let halves = memoryB.room(for: count, of: UInt16.self)
                table.floatToHalf(source.pointer, halves.pointer, count)
                for half in halves.elements {
                    #expect(half & 0x7E00 == 0x7E00)
                    #expect(half >> 15 == UInt16(pattern >> 31))
                }
            }
        }
    }

    /// Widening is exact for every half, alone and in a register.
    @Test(arguments: tables.indices)
    func widening(_ index: Int) {
        let table = tables[index]
        let one = memoryA.place([Float(1)])
        for bits in UInt16.min...UInt16.max {
            let half = memoryB.place([bits], slack: 1)
            let result = table.innerProductHalf(one.pointer, half.pointer, 1, 1)
            let expected = value(ofHalf: bits)
            if result != expected && !(result.isNaN && expected.isNaN) {
                Issue.record("\(bits): \(result)")
            }
        }
        // The product with a vector of one 1 and else 0 singles out one lane.
        for lane in 0..<16 {
            let query = memoryA.place((0..<16).map { Float($0 == lane ? 1 : 0) })
            for first in stride(from: 0, to: finiteHalves.count - 16, by: 16) {
                let halves = finiteHalves[first..<first + 16]
                let result = table.innerProductHalf(
                    query.pointer, memoryB.place(halves).pointer, 1, 16)
                if result != value(ofHalf: finiteHalves[first + lane]) {
                    Issue.record("\(first) \(lane)")
                }
            }
        }
    }

    /// A half vector gives what the same vector in single precision gives, to the last bit.
    @Test(arguments: tables.indices)
    func everyDimension(_ index: Int) {
        let table = tables[index]
        var generator = Generator(seed: 6)
        for count in Array(0...2100) + [16000] {
            let query = memoryA.place(generator.vector(count), slack: count % 4)
            let halves = generator.vector(count).map(nearestHalf)
            let scale: Float = [1, 0.25, 0x1p40][count % 3]
            let wide = halves.map { value(ofHalf: $0) * scale }
            let half = memoryB.place(halves, slack: count % 2)
            let distance = table.squaredL2Half(query.pointer, half.pointer, scale, count)
            let product = table.innerProductHalf(query.pointer, half.pointer, scale, count)
            var widened = [Float](repeating: .nan, count: count)
            table.halfToFloat(half.pointer, scale, &widened, count)
            #expect(widened == wide, "\(count)")
            wide.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress, count > 0 else { return }
                #expect(distance == table.squaredL2(query.pointer, base, count), "\(count)")
                #expect(product == table.innerProduct(query.pointer, base, count), "\(count)")
            }
            if count == 0 { #expect(distance == 0 && product == 0) }
        }
    }
}
