/// Lengths and lengthwise arithmetic of vectors in double precision, which the squares of all floats
/// fit: for functions that are called once for a value, not for searches.
public enum VectorLengths {
    /// The Euclidean norm: the root of the sum of the squares.
    public static func euclidean(_ vector: UnsafePointer<Float>, _ count: Int) -> Double {
        sum(count) { (at: Int) in
            let part = lanes(vector, at)
            return part * part
        } single: { (at: Int) in
            Double(vector[at]) * Double(vector[at])
        }.squareRoot()
    }

    /// The Euclidean distance of two vectors.
    public static func distance(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
    ) -> Double {
        sum(count) { (at: Int) in
            let difference = lanes(a, at) - lanes(b, at)
            return difference * difference
        } single: { (at: Int) in
            let difference = Double(a[at]) - Double(b[at])
            return difference * difference
        }.squareRoot()
    }

    /// The inner product of two vectors.
    public static func innerProduct(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
    ) -> Double {
        sum(count) { (at: Int) in
            lanes(a, at) * lanes(b, at)
        } single: { (at: Int) in
            Double(a[at]) * Double(b[at])
        }
    }

    /// The sum of the absolute differences, also called Manhattan or taxicab distance.
    public static func manhattan(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
    ) -> Double {
        sum(count) { (at: Int) in
            let difference = lanes(a, at) - lanes(b, at)
            return difference.replacing(with: -difference, where: difference .< 0)
        } single: { (at: Int) in
            abs(Double(a[at]) - Double(b[at]))
        }
    }

    /// Writes the vector of length 1 in the same direction. Zeros have no direction and stay zeros.
    public static func normalize(
        _ vector: UnsafePointer<Float>, _ count: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let length = euclidean(vector, count)
        for index in 0..<count {
            target[index] = length > 0 ? Float(Double(vector[index]) / length) : 0
        }
    }

    /// Eight components at a time, then what is left.
    @inline(__always)
    private static func sum(
        _ count: Int, _ eight: (Int) -> SIMD8<Double>, single: (Int) -> Double
    ) -> Double {
        var partial = SIMD8<Double>(repeating: 0)
        var index = 0
        while count - index >= 8 {
            partial += eight(index)
            index += 8
        }
        var total = partial.sum()
        while index < count {
            total += single(index)
            index += 1
        }
        return total
    }

    @inline(__always)
    private static func lanes(_ vector: UnsafePointer<Float>, _ at: Int) -> SIMD8<Double> {
        SIMD8<Double>(UnsafeRawPointer(vector + at).loadUnaligned(as: SIMD8<Float>.self))
    }
}
