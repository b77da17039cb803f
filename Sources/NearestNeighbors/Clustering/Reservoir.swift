/// Which rows of a scan get into a sample of a fixed size, and where in it (Vitter's algorithm R): each row that is
/// offered is as likely as any other to be in the sample in the end.
public struct Reservoir {
    /// Places in the sample; nil until it is known how many there are.
    public var capacity: Int?
    /// Places that are taken, from the first on.
    public private(set) var count = 0
    /// Share of the rows that are offered at all, per mille; nil for all.
    private let perMille: Int?
    private var offered = 0
    private var random: RandomSource

    /// An empty sample.
    public init(perMille: Int?, seed: UInt64) {
        self.perMille = perMille
        random = RandomSource(seed: seed)
    }

    /// The place of the next row, nil if it does not get in. A place that is not taken yet is to be taken, with
    /// `take`, as soon as the row turns out to have something to keep.
    public mutating func place() -> Int? {
        if let perMille, random.index(below: 1000) >= perMille { return nil }
        offered &+= 1
        guard let capacity, count >= capacity else { return count }
        let place = random.index(below: offered)
        return place < capacity ? place : nil
    }

    /// Says that a place which `place` gave holds a row now.
    public mutating func take(_ place: Int) {
        if place == count { count &+= 1 }
    }

    /// Says that the row which was given the place has nothing to keep, as if it had not been offered.
    public mutating func giveBack() { offered &-= 1 }

    /// Keeps so many rows of the sample, drawn at random: each time the row at the second place is to change
    /// places with that at the first.
    public mutating func thin(to count: Int, exchange: (Int, Int) -> Void) {
        guard count < self.count else { return }
        for kept in 0..<count {
            exchange(kept, kept &+ random.index(below: self.count &- kept))
        }
        self.count = count
    }
}
